import { ConfigError } from '../../platform/config.ts';
import { createVault, type Vault } from '../../platform/vault.ts';
import type { Table } from './table.ts';

const place = { pk: 'vault', sk: 'check' };
const context = 'key check';

/**
 * The vault under the key that is configured. Throws ConfigError when the table was sealed with another one: what names a
 * patient would be lost in the one half, and a caller's film in the other.
 */
export async function openVault(table: Table, key: Uint8Array): Promise<Vault> {
  const vault = createVault(key);
  await table.create(place, { sealed: vault.seal(new Uint8Array(), context) });
  const sealed = (await table.get(place))?.['sealed'];
  try {
    if (!(sealed instanceof Uint8Array)) throw new Error('no check');
    vault.open(sealed, context);
  } catch {
    throw new ConfigError('ALARA_KEY is not the key that this table was sealed with. Restore that one.');
  }
  return vault;
}
