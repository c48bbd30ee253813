import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Sync } from '../../platform/digest.ts';
import { CatalogError } from '../catalog-error.ts';
import { type LoadedFamily, loadFamily } from '../load.ts';
import { encode, type FileEntry, isModel, keys, Manifest } from '../manifest.ts';
import type { Objects } from '../store/object-store.ts';

export type Publication = {
  readonly manifest: Manifest;
  /** Its name. */
  readonly digest: string;
  readonly family: LoadedFamily;
  /** The path of each file, by digest. */
  readonly sources: ReadonlyMap<string, string>;
};

/** Prepare a folder for publishing: its manifest and files. Throws CatalogError if the folder has a fault. */
export async function prepare(models: string, name: string): Promise<Publication> {
  const family = loadFamily(models, name);
  const served = new Set(family.catalog.variants.map(({ file }) => file));
  const own = (await filesIn(family.folder)).filter((path) => !isModel(path) || served.has(path));
  const shared = (await filesIn(join(models, 'policies'))).filter((path) => path.endsWith('.json'));
  const sources = new Map<string, string>();
  const entries = async (folder: string, paths: readonly string[]) =>
    Object.fromEntries(
      await Promise.all(
        paths.map(async (path): Promise<[string, FileEntry]> => {
          const bytes = await readFile(join(folder, path));
          const sha256 = sha256Sync(bytes);
          sources.set(sha256, join(folder, path));
          return [path, { sha256, bytes: bytes.length }];
        }),
      ),
    );
  const manifest = Manifest.parse({
    family: name,
    files: await entries(family.folder, own),
    policies: await entries(join(models, 'policies'), shared),
  });
  return { manifest, digest: sha256Sync(encode(manifest)), family, sources };
}

export type Uploaded = { readonly [how in Stored]: number } & {
  /** The uploaded files, repairs included. */
  readonly bytes: number;
};

const atOnce = 4;

/**
 * Upload missing files under their digests, then the manifest; then a pointer may name it. Corrupt objects are replaced, so publishing
 * again repairs a store.
 */
export async function upload(objects: Objects, { manifest, digest, sources }: Publication): Promise<Uploaded> {
  const place = keys(manifest.family);
  const waiting = [...sources];
  const done = { sent: 0, repaired: 0, present: 0, bytes: 0 };
  async function store(key: string, sha256: string, bytes: Uint8Array): Promise<void> {
    const stored = await storeObject(objects, key, sha256, bytes);
    done[stored]++;
    if (stored !== 'present') done.bytes += bytes.length;
  }
  async function work(): Promise<void> {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [sha256, path] = next;
      const bytes = await readFile(path);
      if (sha256Sync(bytes) !== sha256) throw new Error(`${path} changed while it was published`);
      await store(place.object(sha256), sha256, bytes);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work));
  await store(place.manifest(digest), digest, encode(manifest));
  return done;
}

/** The regular files below a folder, by path with forward slashes. Hidden files are not published. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

/** What an upload did. */
type Stored = 'present' | 'sent' | 'repaired';

/** The most tries while other processes change the object. */
const tries = 5;

/** Store bytes under a key that contains their digest. A stored object with another digest is replaced. */
async function storeObject(objects: Objects, key: string, sha256: string, bytes: Uint8Array): Promise<Stored> {
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
