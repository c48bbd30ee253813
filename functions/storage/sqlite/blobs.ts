import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, rmSync, statSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { publish } from '../../platform/atomic-file.ts';
import { sha256Sync } from '../../platform/digest.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { sealOverheadBytes, type Vault } from '../../platform/vault.ts';
import { type Blobs, whole } from '../blobs.ts';
import { transaction } from './database.ts';
import type { GuardedDatabase } from './guarded-database.ts';
import { createQuota, type Limits } from './quota.ts';

/** Encrypted files in a folder. The database counts them per tenant, and its write lock serialises all processes. */
export function embeddedBlobs(
  { db, run, files }: GuardedDatabase,
  folder: string,
  vault: Vault,
  limits: Limits,
): Blobs {
  // The name is a digest, so that an id cannot form a path and a listing of the folder shows no identifiers.
  const nameOf = (id: string) => sha256Sync(id);
  const pathOf = (id: string) => join(folder, nameOf(id));
  const context = (id: string) => JSON.stringify(['blob', id]);
  const locked = <Value>(work: () => Value) => run(() => transaction(db, work));
  const quota = createQuota(db, folder, limits);

  const read: Blobs['read'] = async (id, take) => {
    const file = await files(() => open(pathOf(id)).catch(ifMissing));
    if (!file) return undefined;
    try {
      const { size } = await files(() => file.stat());
      const sealed = file.createReadStream({ autoClose: false, highWaterMark: 2 ** 18 });
      return await take(vault.openStream(sealed, context(id)), size - sealOverheadBytes);
    } finally {
      await file.close();
    }
  };

  return {
    async put(id, bytes, limitBytes, tenant = '') {
      const name = nameOf(id);
      const temporary = join(folder, `${randomUUID()}.part`);
      let total = 0;
      async function* within() {
        for await (const chunk of bytes) {
          total += chunk.length;
          // Returning here cancels the stream, so the rest is not read.
          if (total > limitBytes) return;
          yield chunk;
        }
      }
      try {
        const held = await run(() => quota.heldBy(tenant, name));
        const film = quota.admit(tenant, held, within());
        await files(async () => {
          const file = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true });
          await pipeline(vault.sealStream(film, context(id)), file);
        });
        if (total > limitBytes) return undefined;
        await locked(() => {
          quota.add(tenant, name, total);
          publish(temporary, pathOf(id));
        });
        return { bytes: total };
      } finally {
        // Its error must not replace the error of the upload. `prune` removes a partial file that stays.
        await rm(temporary, { force: true }).catch(() => undefined);
      }
    },
    has: (id) => files(async () => existsSync(pathOf(id))),
    get: (id) => read(id, whole),
    read,
    size: (id) => read(id, async (_, bytes) => bytes),
    heldBytes: 2 ** 20,
    async remove(id) {
      await files(() => rm(pathOf(id), { force: true }));
      // On a full disk, the film may count against the quota until films are pruned.
      await run(() => quota.drop(nameOf(id))).catch(ifUnavailable);
    },
    async prune(before, keep = new Set()) {
      const kept = new Set([...keep].map(nameOf));
      let pruned = 0;
      for (const name of await files(() => readdir(folder))) {
        if (kept.has(name)) continue;
        // Under the lock, so that a film that is put again after the check stays.
        const isOld = await locked(() => {
          const removed = removeIfOlder(join(folder, name), before);
          if (removed) quota.drop(name);
          return removed;
        });
        // The partial file of a process that died is removed too, but was no blob.
        if (isOld && !name.endsWith('.part')) pruned++;
      }
      // A process may have died between the removal of a file and the update of the count.
      for (const name of await run(quota.names)) await locked(() => existsSync(join(folder, name)) || quota.drop(name));
      return pruned;
    },
  };
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function ifUnavailable(error: unknown): void {
  if (!(error instanceof StoreUnavailable)) throw error;
}

function removeIfOlder(path: string, before: Date): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats || stats.mtime >= before) return false;
  rmSync(path);
  return true;
}
