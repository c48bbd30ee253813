import { sha256Sync } from '../platform/digest.ts';
import { CatalogError } from './catalog-error.ts';
import { type Channel, type FileEntry, keys, Manifest, Pointer, parseObject } from './manifest.ts';
import { maxTextBytes } from './read-bounded.ts';
import type { Objects } from './store/object-store.ts';

/** A small object that does not match its digest. It is refused, and an alarm is raised. */
export class CorruptObject extends CatalogError {
  override name = 'CorruptObject';
}

/** The pointer of a channel, with its ETag for a conditional move; undefined if the channel is empty. */
export async function readPointer(objects: Objects, family: string, channel: Channel) {
  const key = keys(family).pointer(channel);
  const found = await objects.read(key);
  if (!found || found === 'unchanged') return undefined;
  return { pointer: parseObject(Pointer, found.bytes, `${objects.url}/${key}`), etag: found.etag };
}

/** A manifest by its digest. Throws {@link CorruptObject} if it has another. */
export async function readManifest(objects: Objects, family: string, digest: string): Promise<Manifest> {
  const key = keys(family).manifest(digest);
  const bytes = await readVerified(objects, key, digest);
  const manifest = parseObject(Manifest, bytes, `${objects.url}/${key}`);
  if (manifest.family !== family)
    throw new CatalogError(`${objects.url}/${key} is of the family ${manifest.family}, not of ${family}.`);
  return manifest;
}

/** Read one small file of a family. */
export const readFileOf = (objects: Objects, family: string, { sha256 }: FileEntry): Promise<Uint8Array> =>
  readVerified(objects, keys(family).object(sha256), sha256);

async function readVerified(objects: Objects, key: string, digest: string): Promise<Uint8Array> {
  const there = await objects.head(key);
  if (there && there.bytes > maxTextBytes)
    throw new CatalogError(`${objects.url}/${key} has ${there.bytes} bytes; ${maxTextBytes} are read at the most.`);
  const found = there && (await objects.read(key));
  if (!found || found === 'unchanged') throw new CatalogError(`${objects.url} holds no ${key}.`);
  if (sha256Sync(found.bytes) === digest) return found.bytes;
  throw new CorruptObject(`${objects.url}/${key} does not have the SHA-256 that it is named by. It was not used.`);
}
