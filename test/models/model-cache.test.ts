import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fetchObject } from '../../functions/models/fetch-object.ts';
import { openModelCache } from '../../functions/models/model-cache.ts';
import { folderObjects } from '../../functions/models/store/folder.ts';
import { sha256Sync } from '../../functions/platform/digest.ts';
import { StoreUnavailable } from '../../functions/platform/store-unavailable.ts';
import { folder } from '../support/published.ts';

/** A store with objects of one megabyte each, and an empty cache. */
async function store(count: number, limitBytes = 1e9) {
  const objects = folderObjects(folder());
  const entries = await Promise.all(
    Array.from({ length: count }, async () => {
      const bytes = randomBytes(1_000_000);
      const entry = { sha256: sha256Sync(bytes), bytes: bytes.length };
      await objects.create(entry.sha256, bytes);
      return entry;
    }),
  );
  const path = folder();
  return { objects, entries, path, cache: openModelCache(path, limitBytes) };
}

test('evicts the least recently used object, but never a needed object', async () => {
  const { objects, entries, path, cache } = await store(5, 2_500_000);
  for (const [i, entry] of entries.entries()) {
    await fetchObject(objects, entry.sha256, entry, cache);
    const used = new Date(Date.now() - 60_000 + i * 1000);
    utimesSync(join(path, 'sha256', entry.sha256), used, used);
  }
  const [oldest, second, ...rest] = entries.map(({ sha256 }) => sha256);
  // Used again, so it is no longer the next to evict.
  expect(await cache.has(second ?? '')).toBe(true);
  expect(await cache.evict(new Set([oldest ?? '']))).toBe(3);
  expect(readdirSync(join(path, 'sha256')).sort()).toEqual([oldest, second].sort());
  expect(await cache.has(rest[0] ?? '')).toBe(false);
  expect(await cache.evict(new Set([oldest ?? '', second ?? '']))).toBe(0);
});

test('downloads an object again that the disk has corrupted', async () => {
  const { objects, entries, path, cache } = await store(1);
  const [entry] = entries;
  if (!entry) throw new Error('there is one');
  await fetchObject(objects, entry.sha256, entry, cache);
  const file = join(path, 'sha256', entry.sha256);
  const spoilt = readFileSync(file);
  spoilt[5] = (spoilt[5] ?? 0) ^ 1;
  writeFileSync(file, spoilt);
  const restarted = openModelCache(path, 1e9);
  expect(await restarted.has(entry.sha256)).toBe(false);
  expect(existsSync(file)).toBe(false);
  expect(await fetchObject(objects, entry.sha256, entry, restarted)).toEqual({ kind: 'here' });
  expect(sha256Sync(readFileSync(file))).toBe(entry.sha256);
});

test('processes that download the same object at the same time leave one complete object and no other file', async () => {
  const { objects, entries, path } = await store(3);
  const caches = [1, 2, 3, 4].map(() => openModelCache(path, 1e9));
  const fetched = await Promise.all(
    caches.flatMap((cache) => entries.map((entry) => fetchObject(objects, entry.sha256, entry, cache))),
  );
  expect(new Set(fetched.map(({ kind }) => kind))).toEqual(new Set(['here']));
  expect(readdirSync(join(path, 'sha256')).sort()).toEqual(entries.map(({ sha256 }) => sha256).sort());
  for (const { sha256 } of entries) expect(sha256Sync(readFileSync(join(path, 'sha256', sha256)))).toBe(sha256);
  expect(readdirSync(join(path, 'parts'))).toEqual([]);
});

test('an interrupted download leaves no file, and an abandoned file is removed', async () => {
  const { objects, entries, path, cache } = await store(1);
  const [entry] = entries;
  if (!entry) throw new Error('there is one');
  const broken = { ...objects, range: () => Promise.reject(new StoreUnavailable('the line is cut')) };
  expect(await fetchObject(broken, entry.sha256, entry, cache)).toEqual({ kind: 'away', problem: 'the line is cut' });
  expect(readdirSync(join(path, 'parts'))).toEqual([]);
  expect(await cache.has(entry.sha256)).toBe(false);

  const [old, fresh] = ['old.part', 'fresh.part'].map((name) => join(path, 'parts', name));
  for (const part of [old, fresh]) writeFileSync(part ?? '', 'half');
  utimesSync(old ?? '', new Date(0), new Date(0));
  await cache.evict(new Set());
  expect(readdirSync(join(path, 'parts'))).toEqual(['fresh.part']);
});
