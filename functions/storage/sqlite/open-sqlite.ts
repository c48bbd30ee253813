import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { inPlainWords } from '../../core/plain-words.ts';
import { syncFolder } from '../../platform/atomic-file.ts';
import { ConfigError } from '../../platform/config.ts';
import type { Vault } from '../../platform/vault.ts';
import type { Platform } from '../platform.ts';
import { embeddedAccess } from './access.ts';
import { embeddedBlobs } from './blobs.ts';
import { openDatabase, transaction } from './database.ts';
import { asOutage, isDamaged, passes } from './errors.ts';
import { guardDatabase } from './guarded-database.ts';
import { embeddedJobs } from './jobs.ts';
import { migrate } from './migrations.ts';
import { embeddedCursors, embeddedFilmOutcomes } from './pacs-state.ts';
import { keepPrivate } from './permissions.ts';
import { embeddedQueue } from './queue.ts';
import { usualFloor } from './quota.ts';
import { embeddedReadings } from './readings.ts';
import { openVault } from './vault-key.ts';

/**
 * Open the platform on one machine: SQLite and files under `folder`, shared by any number of processes. Throws ConfigError
 * where the folder cannot be used, or where the key is not the key of the folder's data.
 */
export function openEmbedded(
  folder: string,
  options: {
    readonly keyFile?: string | undefined;
    readonly quotaBytes?: number;
    readonly floorBytes?: number | 'usual';
  } = {},
): Platform {
  const blobs = join(folder, 'blobs');
  const { db, vault } = usable(folder, () => {
    mkdirSync(blobs, { recursive: true, mode: 0o700 });
    syncFolder(dirname(resolve(folder)));
    keepPrivate(folder);
    return openSealed(folder, options.keyFile);
  });
  const closing = new AbortController();
  const guarded = guardDatabase(db, folder);
  const queue = embeddedQueue(guarded, closing.signal);
  const { quotaBytes = Number.POSITIVE_INFINITY, floorBytes: floor = 0 } = options;
  const floorBytes = floor === 'usual' ? usualFloor(folder) : floor;
  const platform: Platform = {
    readings: embeddedReadings(guarded, vault),
    ...embeddedJobs(guarded, vault, queue),
    queue,
    blobs: embeddedBlobs(guarded, blobs, vault, { quotaBytes, floorBytes }),
    filmOutcomes: embeddedFilmOutcomes(guarded, vault),
    access: embeddedAccess(guarded, vault),
    cursors: embeddedCursors(guarded),
    trouble: guarded.trouble,
    async close() {
      closing.abort();
      db.close();
    },
  };
  // From here on, `retryBusy` waits for other processes without blocking the thread.
  db.exec('PRAGMA busy_timeout = 0');
  return platform;
}

/** The migrated database, and the vault for its patient data. */
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
    // No setting is wrong. The same start may succeed later.
    const outage = asOutage(error, dirname(resolve(folder)));
    if (passes(outage)) throw outage;
    const reason = inPlainWords(outage);
    const fix = isDamaged(outage)
      ? 'Restore the folder from a backup, or name another one.'
      : 'Name a folder that can be written.';
    throw new ConfigError(
      `ALARA_DATA=${folder}: the store cannot be opened there (${reason}).${error instanceof ConfigError ? '' : ` ${fix}`}`,
      { cause: error },
    );
  }
}
