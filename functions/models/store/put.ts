import { sha256Sync } from '../../platform/digest.ts';
import { CatalogError } from '../catalog-error.ts';
import type { Objects } from './object-store.ts';

/** What was to be done so that an object is what its name says. */
export type Stored = 'present' | 'sent' | 'repaired';

/** How often somebody else may be faster. */
const tries = 5;

/** Have a store hold these bytes under a key that names their digest. What it holds there and has another is replaced. */
export async function storeObject(objects: Objects, key: string, sha256: string, bytes: Uint8Array): Promise<Stored> {
  for (let i = 0; i < tries; i++) {
    const there = await look(objects, key, sha256);
    if (there === 'whole') return 'present';
    if (there === undefined && (await objects.create(key, bytes))) return 'sent';
    if (there !== undefined && (await objects.replace(key, bytes, there.etag))) return 'repaired';
  }
  throw new CatalogError(`${objects.url}/${key} is changed again and again by somebody else.`);
}

/** Whether an object is what its name says; the version to replace if it is not; undefined where there is none. */
async function look(objects: Objects, key: string, sha256: string): Promise<'whole' | { etag: string } | undefined> {
  const head = await objects.head(key);
  if (!head) return undefined;
  if (head.sha256 === sha256) return 'whole';
  const found = await objects.read(key);
  if (!found || found === 'unchanged') return undefined;
  return sha256Sync(found.bytes) === sha256 ? 'whole' : { etag: found.etag };
}
