import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inPlainWords } from '../../core/plain-words.ts';
import { sha256Sync } from '../../platform/digest.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import type { Objects } from './object-store.ts';

/** The longest wait for another process that replaces an object, in milliseconds. After that the process is taken for dead. */
const lockMs = 10_000;

/** An object store in a folder, with one file per object. */
export function folderObjects(folder: string): Objects {
  const path = (key: string) => join(folder, key);

  async function read(key: string, known?: string) {
    const bytes = await readFile(path(key)).catch(ifMissing);
    if (!bytes) return undefined;
    const etag = sha256Sync(bytes);
    return etag === known ? ('unchanged' as const) : { bytes, etag };
  }

  /** Write a file under a temporary name, so that no reader sees a part of it. */
  async function temporary(key: string, bytes: Uint8Array): Promise<string> {
    await mkdir(dirname(path(key)), { recursive: true });
    const name = `${path(key)}.${randomUUID()}.part`;
    await writeFile(name, bytes, { flush: true });
    return name;
  }

  return {
    url: folder,
    read,
    async head(key) {
      const found = await stat(path(key)).catch(ifMissing);
      return found && { bytes: found.size, etag: versionOf(found) };
    },
    async range(key, etag, start, end) {
      const file = await open(path(key)).catch(away);
      try {
        if (versionOf(await file.stat()) !== etag) throw new StoreUnavailable(`${key} was replaced while it was read`);
        const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
        return buffer.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
    async create(key, bytes) {
      const part = await temporary(key, bytes);
      try {
        // A link fails if the file exists; a rename would replace it.
        await link(part, path(key));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      } finally {
        await rm(part, { force: true });
      }
    },
    async replace(key, bytes, etag) {
      const lock = `${path(key)}.lock`;
      if (!(await locked(lock))) return false;
      try {
        const now = await read(key);
        if (!now || now === 'unchanged' || now.etag !== etag) return false;
        await rename(await temporary(key, bytes), path(key));
        return true;
      } finally {
        await rm(lock, { force: true });
      }
    },
    async list(prefix) {
      const names = await readdir(path(dirname(`${prefix}x`)), { recursive: true, withFileTypes: true }).catch(
        ifMissing,
      );
      return (names ?? [])
        .filter((entry) => entry.isFile() && !/\.(part|lock)$/.test(entry.name))
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((key) => key.startsWith(prefix))
        .sort();
    },
  };
}

/** Create the lock file, or wait for its owner. */
async function locked(lock: string): Promise<boolean> {
  for (const until = performance.now() + lockMs; ; ) {
    const made = await open(lock, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    if (made) {
      await made.close();
      return true;
    }
    if (performance.now() > until) return false;
    await delay(20);
  }
}

const versionOf = ({ size, mtimeMs, ino }: { size: number; mtimeMs: number; ino: number }) =>
  `${ino}-${size}-${mtimeMs}`;

function ifMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw new StoreUnavailable(`${error.path ?? 'the folder'}: ${inPlainWords(error)}`);
}

function away(error: NodeJS.ErrnoException): never {
  throw new StoreUnavailable(`${error.path ?? 'the folder'}: ${inPlainWords(error)}`);
}
