// Loads a family on a disk that is too small or read-only. Prints the results as JSON.
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Variant } from '../../functions/core/catalog.ts';
import { openModelCache } from '../../functions/models/model-cache.ts';
import { openPublished } from '../../functions/models/release-client.ts';
import { folderObjects } from '../../functions/models/store/folder.ts';
import { sha256Sync } from '../../functions/platform/digest.ts';

const [, , store = '', disk = ''] = process.argv;
const objects = folderObjects(store);
const family = 'f';

async function model(megabytes: number): Promise<Variant> {
  const bytes = randomBytes(megabytes * 1_000_000);
  const sha256 = sha256Sync(bytes);
  await objects.create(`${family}/objects/sha256/${sha256}`, bytes);
  return { sha256, bytes: bytes.length } as Variant;
}
const held = () => readdirSync(join(disk, 'sha256')).map((name) => statSync(join(disk, 'sha256', name)).size / 1e6);

try {
  const open = (megabytes: number) =>
    openPublished(objects, family, 'live', openModelCache(disk, megabytes * 1_000_000));
  const [first, second, third, large] = await Promise.all([4, 4, 4, 30].map(model));
  if (!first || !second || !third || !large) throw new Error('they were made');
  const unbounded = open(2048);
  const before = [await unbounded.fetch(first), await unbounded.fetch(second)];
  // The disk of 10 MB holds two models of 4 MB, so it is full before the limit of the cache is reached.
  const after = await unbounded.fetch(third);
  const holds = held();
  const never = await unbounded.fetch(large);
  rmSync(join(disk, 'sha256'), { recursive: true });
  process.stdout.write(JSON.stringify({ before, after, holds, never, parts: readdirSync(join(disk, 'parts')).length }));
} catch (error) {
  process.stdout.write(JSON.stringify({ error: String(error) }));
}
