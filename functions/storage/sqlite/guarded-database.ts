import { randomUUID } from 'node:crypto';
import { type Stats, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { retryBusy } from './database.ts';
import { asOutage } from './errors.ts';

/** The database of a folder. Every use of the database goes through `run`. */
export type GuardedDatabase = {
  readonly db: DatabaseSync;
  /**
   * Work on the database, waiting for other processes. Throws {@link StoreUnavailable} where the disk or the files fail, or
   * where the folder was removed or replaced since it was opened.
   */
  run<Value>(work: () => Value): Promise<Value>;
  /** Work on files of the folder. Throws {@link StoreUnavailable} in place of an error of the file system. */
  files<Value>(work: () => Promise<Value>): Promise<Value>;
  /** The code of the fault that prevents writes now. Undefined where there is none. The check writes to the folder. */
  trouble(): Promise<string | undefined>;
};

/** The size of the file that the check writes. */
const trialBytes = 65_536;
/** The result of a check is reused for this long, so that health checks do not keep the disk busy. */
const checkLifeMs = 1000;
/** For this long after a failure, the check writes to the database too. */
const suspicionMs = 60_000;

export function guardDatabase(db: DatabaseSync, folder: string): GuardedDatabase {
  const database = join(folder, 'alara.sqlite');
  // SQLite goes on writing to files that were removed or renamed, and those writes would be lost. The WAL file exists as
  // long as the database is open.
  const opened = [database, `${database}-wal`, join(folder, 'blobs')].map((path) => ({ path, stats: statOf(path) }));
  const check = () => {
    for (const { path, stats } of opened) {
      const now = statOf(path);
      if (stats && !(now && now.ino === stats.ino && now.dev === stats.dev))
        throw new StoreUnavailable('the folder of the store was removed or replaced: bring it back, or restart', {
          code: 'STORE_GONE',
        });
    }
  };

  let failedAt = Number.NEGATIVE_INFINITY;
  const failed = (error: unknown): never => {
    const outage = asOutage(error, folder);
    if (outage instanceof StoreUnavailable) failedAt = performance.now();
    throw outage;
  };
  const checked = <Value>(work: () => Value): Value => {
    check();
    return work();
  };
  const run = <Value>(work: () => Value) => retryBusy(() => checked(work)).catch(failed);
  const files = async <Value>(work: () => Promise<Value>) => checked(work);

  const writeTrial = db.prepare("INSERT OR REPLACE INTO cursors (name, value) VALUES ('trial of the store', ?)");
  async function findTrouble(): Promise<string | undefined> {
    const path = join(folder, 'blobs', `${randomUUID()}.part`);
    try {
      await run(() => undefined);
      await writeFile(path, new Uint8Array(trialBytes), { flag: 'wx', mode: 0o600 }).finally(() =>
        rm(path, { force: true }),
      );
      // One small row, because the check must not take the last free space.
      if (performance.now() - failedAt < suspicionMs) await run(() => writeTrial.run(new Date().toISOString()));
      return undefined;
    } catch (error) {
      const outage = asOutage(error, folder);
      return outage instanceof StoreUnavailable ? outage.code : 'unknown';
    }
  }

  let last: { readonly at: number; readonly found: Promise<string | undefined> } | undefined;
  return {
    db,
    run,
    files: (work) => files(work).catch(failed),
    trouble() {
      if (!last || performance.now() - last.at > checkLifeMs) last = { at: performance.now(), found: findTrouble() };
      return last.found;
    },
  };
}

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });
