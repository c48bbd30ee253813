import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, rmSync, statSync } from 'node:fs';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { type Blobs, whole } from '../blobs.ts';
import { sealBytes, type Vault } from '../vault.ts';
import { publish } from './durable.ts';
import { patiently } from './patience.ts';
import { transaction } from './transaction.ts';

/** Sealed files in a folder. `db` only lends its write lock, which all processes share. */
export function embeddedBlobs(db: DatabaseSync, folder: string, vault: Vault): Blobs {
  // A digest as the name: whatever the id holds, no path comes out of it, and a listing of the folder tells nothing.
  const nameOf = (id: string) => createHash('sha256').update(id).digest('hex');
  const pathOf = (id: string) => join(folder, nameOf(id));
  const context = (id: string) => JSON.stringify(['blob', id]);
  const locked = <Value>(work: () => Value) => patiently(() => transaction(db, work));

  const read: Blobs['read'] = async (id, take) => {
    const file = await open(pathOf(id)).catch(ifMissing);
    if (!file) return undefined;
    try {
      const { size } = await file.stat();
      const sealed = file.createReadStream({ autoClose: false, highWaterMark: 2 ** 18 });
      return await take(vault.openStream(sealed, context(id)), size - sealBytes);
    } finally {
      await file.close();
    }
  };

  return {
    async put(id, bytes, limitBytes) {
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
        const file = createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true });
        await pipeline(vault.sealStream(within(), context(id)), file);
        if (total > limitBytes) return undefined;
        await locked(() => publish(temporary, pathOf(id)));
        return { bytes: total };
      } finally {
        await rm(temporary, { force: true });
      }
    },
    has: async (id) => existsSync(pathOf(id)),
    get: (id) => read(id, whole),
    read,
    size: (id) => read(id, async (_, bytes) => bytes),
    heldBytes: 2 ** 20,
    async remove(id) {
      await rm(pathOf(id), { force: true });
    },
    async prune(before, keep = new Set()) {
      const kept = new Set([...keep].map(nameOf));
      let pruned = 0;
      for (const name of await readdir(folder)) {
        if (kept.has(name)) continue;
        // Under the lock: what is put again between the look and the removal must stay.
        const isOld = await locked(() => removeIfOlder(join(folder, name), before));
        // What a process that died had half written goes as well, but is no blob.
        if (isOld && !name.endsWith('.part')) pruned++;
      }
      return pruned;
    },
  };
}

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function removeIfOlder(path: string, before: Date): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats || stats.mtime >= before) return false;
  rmSync(path);
  return true;
}
