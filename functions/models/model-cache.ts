import { createHash, randomUUID } from 'node:crypto';
import { accessSync, constants, createReadStream, mkdirSync } from 'node:fs';
import { open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../core/errors.ts';
import { publish } from '../platform/atomic-file.ts';
import { ConfigError } from '../platform/config.ts';

/** A cache of objects on this machine, each named by its digest. Processes may share the folder. */
export type ModelCache = {
  /** The folder that holds them. */
  readonly objects: string;
  readonly folder: string;
  /** Whether an object is in the cache. The first use per process verifies its digest. */
  has(sha256: string): Promise<boolean>;
  /** Store the bytes that `write` provides. False, and nothing is kept, if they do not have the digest. */
  take(sha256: string, write: (file: Sink) => Promise<void>): Promise<boolean>;
  /** Remove a damaged object. */
  drop(sha256: string): Promise<void>;
  /** Evict objects until `room` bytes fit into the bound, least recently used first; never objects in `keep`. */
  evict(keep: ReadonlySet<string>, room?: number): Promise<number>;
};

/** Takes the bytes of an object in order. */
export type Sink = { write(bytes: Uint8Array): Promise<void> };

/** The age after which an unfinished download belongs to a dead process. */
const abandonedMs = 3_600_000;

/** Open a bounded cache in a folder. Throws ConfigError if the folder cannot be written. */
export function openModelCache(folder: string, limitBytes: number): ModelCache {
  const objects = join(folder, 'sha256');
  const parts = join(folder, 'parts');
  // Create the parents first: for a folder deep in a read-only file system Node.js reports ENOENT.
  for (const path of [folder, objects, parts]) usable(folder, path);
  const pathOf = (sha256: string) => join(objects, sha256);
  const verified = new Set<string>();

  const cache: ModelCache = {
    objects,
    folder,
    async has(sha256) {
      const path = pathOf(sha256);
      const now = new Date();
      // The modification time holds the last use, for eviction: a file system without atime keeps no other.
      const there = await utimes(path, now, now).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return false;
          throw error;
        },
      );
      if (!there || verified.has(sha256)) return there;
      // A disk can damage a file after it was written: verify it once per process.
      if ((await digestOfFile(path)) === sha256) {
        verified.add(sha256);
        return true;
      }
      await cache.drop(sha256);
      return false;
    },
    async take(sha256, write) {
      const part = join(parts, `${randomUUID()}.part`);
      const file = await open(part, 'wx', 0o600);
      const hash = createHash('sha256');
      try {
        try {
          await write({
            async write(bytes) {
              hash.update(bytes);
              await file.writeFile(bytes);
            },
          });
          if (hash.digest('hex') !== sha256) return false;
          await file.sync();
        } finally {
          await file.close();
        }
        publish(part, pathOf(sha256));
        verified.add(sha256);
        return true;
      } finally {
        await rm(part, { force: true });
      }
    },
    async drop(sha256) {
      verified.delete(sha256);
      await rm(pathOf(sha256), { force: true });
    },
    async evict(keep, room = 0) {
      await removeAbandoned(parts);
      const found = await Promise.all((await readdir(objects)).map((name) => statOf(objects, name)));
      const held = found.flatMap((file) => file ?? []).sort((a, b) => a.usedMs - b.usedMs);
      let total = held.reduce((sum, { bytes }) => sum + bytes, 0);
      let evicted = 0;
      for (const { name, bytes } of held) {
        if (total + room <= limitBytes) break;
        if (keep.has(name)) continue;
        await cache.drop(name);
        total -= bytes;
        evicted++;
      }
      return evicted;
    },
  };
  return cache;
}

function usable(folder: string, path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = messageOf(error);
    // A full disk may have room later, and cached objects can be used now.
    if (isFull(error)) return;
    throw new ConfigError(
      `ALARA_MODEL_CACHE=${folder}: models cannot be kept there (${reason}). Name a folder that can be written.`,
    );
  }
}

/** Whether an error says that a disk has no room, or that a quota is used up. */
export const isFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');

async function digestOfFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path), hash);
    return hash.digest('hex');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Another process may evict at the same time, so a missing file is no fault. */
async function statOf(folder: string, name: string) {
  const found = await stat(join(folder, name)).catch(() => undefined);
  return found && { name, bytes: found.size, usedMs: found.mtimeMs };
}

async function removeAbandoned(parts: string): Promise<void> {
  for (const name of await readdir(parts)) {
    const found = await statOf(parts, name);
    if (found && Date.now() - found.usedMs > abandonedMs) await rm(join(parts, name), { force: true });
  }
}
