import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publish } from '../platform/atomic-file.ts';
import { sha256Sync } from '../platform/digest.ts';
import { type Channel, encode, Pointer } from './manifest.ts';

/** The last pointer whose family was served. It is kept on disk, so that a start does not need the store. */
export function pointerFile(cacheFolder: string, url: string, family: string, channel: Channel) {
  const folder = join(cacheFolder, 'pointers');
  const path = join(folder, `${sha256Sync(`${url} ${family} ${channel}`)}.json`);
  return {
    /** Undefined also if the file cannot be used; then the store decides. */
    last(): Pointer | undefined {
      try {
        return Pointer.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        return undefined;
      }
    },
    async keep(pointer: Pointer): Promise<void> {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const part = join(folder, `${randomUUID()}.part`);
      await writeFile(part, encode(pointer), { flush: true, mode: 0o600 });
      publish(part, path);
    },
  };
}
