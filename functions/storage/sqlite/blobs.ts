import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, rmSync, statSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { publish } from '../../platform/atomic-file.ts';
import { sha256Sync } from '../../platform/digest.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { sealBytes, type Vault } from '../../platform/vault.ts';
import { type Blobs, whole } from '../blobs.ts';
import type { Guarded } from './guarded.ts';
import { createQuota, type Limits } from './quota.ts';
import { transaction } from './transaction.ts';

/** Sealed files in a folder. The database counts them per tenant and lends its write lock, which all processes share. */
export function embeddedBlobs({ db, run, files }: Guarded, folder: string, vault: Vault, limits: Limits): Blobs {
  // A digest as the name: whatever the id holds, no path comes out of it, and a listing of the folder tells nothing.
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
      return await take(vault.openStream(sealed, context(id)), size - sealBytes);
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
          // Ending here cancels the stream: the rest is not even read.
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
          quota.take(tenant, name, total);
          publish(temporary, pathOf(id));
        });
        return { bytes: total };
      } finally {
        await rm(temporary, { force: true });
      }
    },
    has: (id) => files(async () => existsSync(pathOf(id))),
    get: (id) => read(id, whole),
    read,
    size: (id) => read(id, async (_, bytes) => bytes),
    heldBytes: 2 ** 20,
    async remove(id) {
      await files(() => rm(pathOf(id), { force: true }));
      // On a full disk it may go on counting until films are pruned.
      await run(() => quota.drop(nameOf(id))).catch(ifUnavailable);
    },
    async prune(before, keep = new Set()) {
      const kept = new Set([...keep].map(nameOf));
      let pruned = 0;
      for (const name of await files(() => readdir(folder))) {
        if (kept.has(name)) continue;
        // Under the lock: what is put again between the look and the removal must stay.
        const isOld = await locked(() => {
          const removed = removeIfOlder(join(folder, name), before);
          if (removed) quota.drop(name);
          return removed;
        });
        // What a process that died had half written goes as well, but is no blob.
        if (isOld && !name.endsWith('.part')) pruned++;
      }
      // A process that died between a removal and its count.
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
