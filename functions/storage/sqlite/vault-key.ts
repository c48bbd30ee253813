import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { publish } from '../../platform/atomic-file.ts';
import { ConfigError } from '../../platform/config.ts';
import { quotedPath } from '../../platform/shell-quoted.ts';
import { createVault, keyBytes, type Vault } from '../../platform/vault.ts';

// What the key protects. Without the key, nobody can read names, identifiers and films from the database, the blobs or a
// copy of them. By default, the key is a file in the same folder. It then protects data that leaves the folder without
// the key: a database that is sent to support, a backup without the key, a disk sector. Whoever can read the whole folder
// can read everything. With ALARA_KEY_FILE, the key is elsewhere (a mounted secret, another volume), so the folder, its
// backups and its disk alone show nothing. The key never protects against code that runs as the service.

const context = 'key check';

/**
 * Open the vault with the folder's key, which is created for a new database. Throws ConfigError where the key is not the
 * key of the database. Call this function inside a transaction, so that two processes do not both create a key.
 */
export function openVault(db: DatabaseSync, folder: string, keyFile: string | undefined): Vault {
  const check = db.prepare('SELECT sealed FROM key_check').get()?.['sealed'];
  const path = keyFile ?? join(folder, 'key');
  if (!existsSync(path)) {
    if (check)
      throw new ConfigError(`${path} is not there, and the stored data is encrypted with it. Restore it from a backup`);
    if (keyFile !== undefined)
      throw new ConfigError(
        `ALARA_KEY_FILE=${path} is not there. Make one: openssl rand -out ${quotedPath(path)} ${keyBytes}`,
      );
    makeKey(path);
  }
  const key = readFileSync(path);
  if (key.length !== keyBytes) throw new ConfigError(`${path} has ${key.length} bytes; a key has ${keyBytes}`);
  const vault = createVault(key);
  if (check instanceof Uint8Array) verify(vault, check, path);
  else db.prepare('INSERT INTO key_check (sealed) VALUES (?)').run(vault.seal(new Uint8Array(), context));
  return vault;
}

/** Write a new key, completely or not at all, which only the owner may read. */
function makeKey(path: string): void {
  const temporary = `${path}.${process.pid}.part`;
  writeFileSync(temporary, randomBytes(keyBytes), { mode: 0o600, flush: true });
  publish(temporary, path);
}

function verify(vault: Vault, check: Uint8Array, path: string): void {
  try {
    vault.open(check, context);
  } catch {
    throw new ConfigError(`${path} is not the key that encrypted this folder. Restore the right key`);
  }
}
