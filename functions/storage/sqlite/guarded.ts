import { randomUUID } from 'node:crypto';
import { type Stats, statSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { patiently } from './busy-retry.ts';
import { asOutage } from './errors.ts';

/** The database of a folder. Every use of it goes through `run`. */
export type Guarded = {
  readonly db: DatabaseSync;
  /**
   * Do work on the database, waiting for other processes. Throws {@link StoreUnavailable} when the disk or the files fail, or
   * when the folder is not the one that was opened any more.
   */
  run<Value>(work: () => Value): Promise<Value>;
  /** The same for work on files: `StoreUnavailable` instead of what the file system says. */
  files<Value>(work: () => Promise<Value>): Promise<Value>;
  /** The code of what keeps the store from being used now; undefined when there is nothing. It writes to find out. */
  trouble(): Promise<string | undefined>;
};

/** What a look for trouble writes. */
const trialBytes = 65_536;
/** A look is good for this long, so that callers of a health check do not keep the disk busy. */
const lookMs = 1000;
/** For this long after a failure a look writes to the database too. */
const suspicionMs = 60_000;

export function guard(db: DatabaseSync, folder: string): Guarded {
  const database = join(folder, 'alara.sqlite');
  // SQLite goes on writing to files that were removed or renamed, and all of it would be lost. The log is there as long as
  // the database is open.
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
  const run = <Value>(work: () => Value) => patiently(() => checked(work)).catch(failed);
  const files = async <Value>(work: () => Promise<Value>) => checked(work);

  const trial = db.prepare("INSERT OR REPLACE INTO cursors (name, value) VALUES ('trial of the store', ?)");
  async function look(): Promise<string | undefined> {
    const path = join(folder, 'blobs', `${randomUUID()}.part`);
    try {
      await run(() => undefined);
      await writeFile(path, new Uint8Array(trialBytes), { flag: 'wx', mode: 0o600 }).finally(() =>
        rm(path, { force: true }),
      );
      // Little, because it must not take the last of the room itself.
      if (performance.now() - failedAt < suspicionMs) await run(() => trial.run(new Date().toISOString()));
      return undefined;
    } catch (error) {
      const outage = asOutage(error, folder);
      return outage instanceof StoreUnavailable ? outage.code : 'unknown';
    }
  }

  let looked: { readonly at: number; readonly found: Promise<string | undefined> } | undefined;
  return {
    db,
    run,
    files: (work) => files(work).catch(failed),
    trouble() {
      if (!looked || performance.now() - looked.at > lookMs) looked = { at: performance.now(), found: look() };
      return looked.found;
    },
  };
}

const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });
