import { sha256Sync } from '../../platform/digest.ts';
import { CatalogError } from '../catalog-error.ts';
import type { Objects } from './object-store.ts';

/** What an upload did. */
export type Stored = 'present' | 'sent' | 'repaired';

/** The most tries while other processes change the object. */
const tries = 5;

/** Store bytes under a key that contains their digest. A stored object with another digest is replaced. */
export async function storeObject(objects: Objects, key: string, sha256: string, bytes: Uint8Array): Promise<Stored> {
  for (let i = 0; i < tries; i++) {
    const there = await look(objects, key, sha256);
    if (there === 'whole') return 'present';
    if (there === undefined && (await objects.create(key, bytes))) return 'sent';
    if (there !== undefined && (await objects.replace(key, bytes, there.etag))) return 'repaired';
  }
  throw new CatalogError(`${objects.url}/${key} is changed repeatedly by another process.`);
}

/** Whether a stored object matches its digest, or the version to replace; undefined if there is no object. */
async function look(objects: Objects, key: string, sha256: string): Promise<'whole' | { etag: string } | undefined> {
  const head = await objects.head(key);
  if (!head) return undefined;
  if (head.sha256 === sha256) return 'whole';
  const found = await objects.read(key);
  if (!found || found === 'unchanged') return undefined;
  return sha256Sync(found.bytes) === sha256 ? 'whole' : { etag: found.etag };
}
