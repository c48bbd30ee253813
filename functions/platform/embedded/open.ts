import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../config.ts';
import type { Platform } from '../platform.ts';
import type { Vault } from '../vault.ts';
import { embeddedAccess } from './access.ts';
import { embeddedBlobs } from './blobs.ts';
import { embeddedCursors } from './cursors.ts';
import { openDatabase } from './database.ts';
import { syncFolder } from './durable.ts';
import { embeddedJobs } from './jobs.ts';
import { openVault } from './key.ts';
import { migrate } from './migrations.ts';
import { keepPrivate } from './private.ts';
import { embeddedQueue } from './queue.ts';
import { embeddedReadings } from './readings.ts';
import { embeddedRefusals } from './refusals.ts';
import { transaction } from './transaction.ts';

/**
 * The platform on one machine: SQLite and files under `folder`, shared by any number of processes. Throws ConfigError
 * when the folder cannot be used, or its key is not the one that it was sealed with.
 */
export function openEmbedded(folder: string, options: { readonly keyFile?: string | undefined } = {}): Platform {
  const blobs = join(folder, 'blobs');
  const { db, vault } = usable(folder, () => {
    mkdirSync(blobs, { recursive: true, mode: 0o700 });
    syncFolder(dirname(resolve(folder)));
    keepPrivate(folder);
    return openSealed(folder, options.keyFile);
  });
  const closing = new AbortController();
  const platform: Platform = {
    readings: embeddedReadings(db, vault),
    jobs: embeddedJobs(db, vault),
    queue: embeddedQueue(db, closing.signal),
    blobs: embeddedBlobs(db, blobs, vault),
    refusals: embeddedRefusals(db, vault),
    access: embeddedAccess(db, vault),
    cursors: embeddedCursors(db),
    async close() {
      closing.abort();
      db.close();
    },
  };
  // From here on the stores wait for other processes themselves, without stopping the thread.
  db.exec('PRAGMA busy_timeout = 0');
  return platform;
}

/** The database in today's layout, and the vault that its patient data is sealed in. */
function openSealed(folder: string, keyFile: string | undefined): { db: DatabaseSync; vault: Vault } {
  const db = openDatabase(join(folder, 'alara.sqlite'));
  try {
    const vault = transaction(db, () => {
      migrate(db);
      return openVault(db, folder, keyFile);
    });
    return { db, vault };
  } catch (error) {
    db.close();
    throw error;
  }
}

function usable<Value>(folder: string, open: () => Value): Value {
  try {
    return open();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const fix = error instanceof ConfigError ? '' : ' Name a folder that can be written.';
    throw new ConfigError(`ALARA_DATA=${folder}: the store cannot be opened there (${reason}).${fix}`);
  }
}
