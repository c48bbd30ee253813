import { cpSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StoreUnavailable } from '../../../functions/platform/store-unavailable.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { instance, job, reading } from '../../support/storage-contract/samples.ts';
import { stream } from '../../support/storage-contract/streams.ts';

const film = () => stream(new Uint8Array(1000));

test.each<[string, (folder: string) => void]>([
  ['removed', (folder) => rmSync(folder, { recursive: true })],
  ['renamed', (folder) => renameSync(folder, `${folder}.moved`)],
  [
    'replaced by a copy',
    (folder) => {
      cpSync(folder, `${folder}.copy`, { recursive: true });
      renameSync(folder, `${folder}.moved`);
      renameSync(`${folder}.copy`, folder);
    },
  ],
  [
    'replaced by an empty folder',
    (folder) => {
      renameSync(folder, `${folder}.moved`);
      mkdirSync(join(folder, 'blobs'), { recursive: true });
    },
  ],
  ['deprived of its database', (folder) => rmSync(join(folder, 'alara.sqlite'))],
  ['deprived of the log of its database', (folder) => rmSync(join(folder, 'alara.sqlite-wal'))],
  ['deprived of its films', (folder) => rmSync(join(folder, 'blobs'), { recursive: true })],
])('detects a store that was %s, and writes nothing to lost files', async (_, change) => {
  const folder = join(emptyFolder(), 'data');
  await using(folder, async (platform) => {
    const { jobs, queue, blobs, readings, access, cursors, enqueue } = platform;
    const { key } = await access.createKey('clinic', ['jobs']);
    await blobs.put('film', film(), 10_000);
    expect(await platform.trouble()).toBeUndefined();
    change(folder);
    const uses = {
      create: () => jobs.create(job('a')),
      list: () => jobs.list({ limit: 1 }),
      enqueue: () => enqueue('b', () => ({ job: job('b'), send: true })),
      send: () => queue.send('a'),
      receive: () => queue.receive({ visibilityMs: 1000, waitMs: 0 }),
      put: () => blobs.put('other', film(), 10_000),
      get: () => blobs.get('film'),
      has: () => blobs.has('film'),
      keep: () => readings.put('clinic', { reading: reading('rd_a'), instance }),
      check: () => access.check(key),
      cursor: () => cursors.get('a'),
    };
    for (const [name, use] of Object.entries(uses)) {
      const error = await use().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(error, name).toBeInstanceOf(StoreUnavailable);
      expect(error, name).toMatchObject({ code: 'STORE_GONE' });
      // The error contains no path of this machine.
      expect(String(error)).not.toContain(folder);
    }
    // A check of the store is valid for one second.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(await platform.trouble()).toBe('STORE_GONE');
  });
});

test('reports the store as unavailable to an upload whose folder is lost and whose partial file cannot be removed', async () => {
  const folder = join(emptyFolder(), 'data');
  const blobs = join(folder, 'blobs');
  await using(folder, async (platform) => {
    async function* film() {
      yield new Uint8Array(1000);
      renameSync(blobs, `${blobs}.moved`);
      // Each use of a path below a file fails with ENOTDIR.
      writeFileSync(blobs, '');
      yield new Uint8Array(1000);
    }
    await expect(platform.blobs.put('film', film(), 10_000)).rejects.toThrow(StoreUnavailable);
  });
});

test('uses a store again that is back in its place', async () => {
  const folder = join(emptyFolder(), 'data');
  await using(folder, async ({ jobs }) => {
    await jobs.create(job('a'));
    renameSync(folder, `${folder}.moved`);
    await expect(jobs.get('a')).rejects.toThrow(StoreUnavailable);
    renameSync(`${folder}.moved`, folder);
    expect(await jobs.get('a')).toEqual(job('a'));
  });
});

test('reports a corrupt database as corrupt', async () => {
  const folder = join(emptyFolder(), 'data');
  await using(folder, async (platform) => {
    for (let i = 0; i < 50; i++) await platform.jobs.create(job(`${i}`));
  });
  await using(folder, async ({ jobs }) => {
    truncateSync(join(folder, 'alara.sqlite'), 8192);
    await expect(jobs.list({ limit: 99 })).rejects.toMatchObject({ name: 'StoreUnavailable', code: 'SQLITE_CORRUPT' });
  });
});
