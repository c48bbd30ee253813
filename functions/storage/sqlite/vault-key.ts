import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { publish } from '../../platform/atomic-file.ts';
import { ConfigError } from '../../platform/config.ts';
import { quotedPath } from '../../platform/shell-quoted.ts';
import { createVault, keyBytes, type Vault } from '../../platform/vault.ts';

// What the key protects, and what it does not. Names, identifiers and films cannot be read from the database, its
// blobs or a copy of either by someone who lacks the key. In its usual place, beside them, it protects what leaves
// without it: a database sent to support, a blob in a backup that leaves the key out, a disk sector. Whoever can read
// the whole folder reads everything. ALARA_KEY_FILE keeps the key elsewhere (a mounted secret, another volume): then
// the folder, its backups and its disk alone tell nothing. Neither protects from one who runs code as the service.

const context = 'key check';

/**
 * The vault under the folder's key, which is made when the database is new. Throws ConfigError when the key is not the
 * one that the database was sealed with. Call it inside a transaction: two processes must not both make a key.
 */
export function openVault(db: DatabaseSync, folder: string, keyFile: string | undefined): Vault {
  const kept = db.prepare('SELECT sealed FROM key_check').get()?.['sealed'];
  const path = keyFile ?? join(folder, 'key');
  if (!existsSync(path)) {
    if (kept)
      throw new ConfigError(`${path} is not there, and what is stored was sealed with it. Restore it from a backup`);
    if (keyFile !== undefined)
      throw new ConfigError(
        `ALARA_KEY_FILE=${path} is not there. Make one: openssl rand -out ${quotedPath(path)} ${keyBytes}`,
      );
    makeKey(path);
  }
  const key = readFileSync(path);
  if (key.length !== keyBytes) throw new ConfigError(`${path} has ${key.length} bytes; a key has ${keyBytes}`);
  const vault = createVault(key);
  if (kept instanceof Uint8Array) verify(vault, kept, path);
  else db.prepare('INSERT INTO key_check (sealed) VALUES (?)').run(vault.seal(new Uint8Array(), context));
  return vault;
}

/** A key is whole or not there, and only its owner reads it. */
function makeKey(path: string): void {
  const temporary = `${path}.${process.pid}.part`;
  writeFileSync(temporary, randomBytes(keyBytes), { mode: 0o600, flush: true });
  publish(temporary, path);
}

function verify(vault: Vault, kept: Uint8Array, path: string): void {
  try {
    vault.open(kept, context);
  } catch {
    throw new ConfigError(`${path} is not the key that this folder was sealed with. Restore that one`);
  }
}
