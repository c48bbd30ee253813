import { ConfigError } from '../../platform/config.ts';
import { createVault, type Vault } from '../../platform/vault.ts';
import type { Table } from './table.ts';

const checkKey = { pk: 'vault', sk: 'check' };
const context = 'key check';

/**
 * The vault with the configured key. Throws ConfigError where the data of the table is encrypted with another key. With two
 * keys, neither key could decrypt all patient data and films.
 */
export async function openVault(table: Table, key: Uint8Array): Promise<Vault> {
  const vault = createVault(key);
  await table.create(checkKey, { sealed: vault.seal(new Uint8Array(), context) });
  const sealed = (await table.get(checkKey))?.['sealed'];
  try {
    if (!(sealed instanceof Uint8Array)) throw new Error('the key check is missing');
    vault.open(sealed, context);
  } catch {
    throw new ConfigError('ALARA_KEY is not the key that encrypted this table. Restore the right key.');
  }
  return vault;
}
