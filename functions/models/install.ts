import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sha256Sync } from '../platform/digest.ts';
import { type LoadedFamily, loadFamily } from './load.ts';
import { encode, type FileEntry, isModel, Manifest } from './manifest.ts';
import type { ModelCache } from './model-cache.ts';
import { readFileOf, readManifest } from './release-reader.ts';
import type { Objects } from './store/object-store.ts';

/** A published family whose catalog, policies and evaluation are on this machine. */
export type Installed = { readonly digest: string; readonly manifest: Manifest; readonly family: LoadedFamily };

/** The number of other families that stay on the disk, some megabytes each. */
const kept = 8;

/**
 * Download every file of a manifest except its models into a folder of the cache. Files that are there are verified and need no
 * store. Throws CatalogError, CorruptObject or StoreUnavailable.
 */
export async function install(objects: Objects, family: string, digest: string, cache: ModelCache): Promise<Installed> {
  const families = join(cache.folder, 'families');
  const folder = join(families, digest);
  await mkdir(families, { recursive: true, mode: 0o700 });
  const manifest = (await manifestIn(folder, digest)) ?? (await download(objects, family, digest, families));
  await makeRoom(families, digest);
  return { digest, manifest, family: loadFamily(folder, family, cache.objects) };
}

/** The models of an installed family; none if it was removed. */
export async function modelsOf(digest: string, cache: ModelCache): Promise<readonly string[]> {
  const manifest = await manifestIn(join(cache.folder, 'families', digest), digest);
  return Object.entries(manifest?.files ?? {}).flatMap(([name, { sha256 }]) => (isModel(name) ? sha256 : []));
}

/** The manifest in a folder of the cache, if the folder is whole. */
async function manifestIn(folder: string, digest: string): Promise<Manifest | undefined> {
  try {
    const bytes = await readFile(join(folder, 'manifest.json'));
    if (sha256Sync(bytes) !== digest) return undefined;
    const manifest = Manifest.parse(JSON.parse(bytes.toString()));
    for (const [path, { sha256 }] of textsOf(manifest))
      if (sha256Sync(await readFile(join(folder, path))) !== sha256) return undefined;
    return manifest;
  } catch {
    // Missing or damaged: download it.
    return undefined;
  }
}

async function download(objects: Objects, family: string, digest: string, families: string): Promise<Manifest> {
  const manifest = await readManifest(objects, family, digest);
  const part = join(families, `${randomUUID()}.part`);
  try {
    for (const [path, entry] of textsOf(manifest)) {
      const bytes = await readFileOf(objects, family, entry);
      await mkdir(dirname(join(part, path)), { recursive: true, mode: 0o700 });
      await writeFile(join(part, path), bytes, { flush: true });
    }
    await writeFile(join(part, 'manifest.json'), encode(manifest), { flush: true });
    const folder = join(families, digest);
    await rename(part, folder).catch(async (error) => {
      // Another process was first, or the existing folder is damaged and is replaced.
      if (await manifestIn(folder, digest)) return;
      if (!statSync(folder, { throwIfNoEntry: false })) throw error;
      await rm(folder, { recursive: true, force: true });
      await rename(part, folder);
    });
    return manifest;
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** The files of a family that its start reads, by path below the folder of its manifest. */
const textsOf = ({ family, files, policies }: Manifest): (readonly [string, FileEntry])[] => [
  ...Object.entries(files).flatMap(([name, entry]) => (isModel(name) ? [] : [[`${family}/${name}`, entry] as const])),
  ...Object.entries(policies).map(([name, entry]) => [`policies/${name}`, entry] as const),
];

async function makeRoom(families: string, current: string): Promise<void> {
  const names = (await readdir(families)).filter((name) => name !== current && !name.endsWith('.part'));
  const found = await Promise.all(
    names.map(async (name) => ({ name, ms: (await stat(join(families, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  );
  for (const { name } of found.sort((a, b) => b.ms - a.ms).slice(kept))
    await rm(join(families, name), { recursive: true, force: true });
}
