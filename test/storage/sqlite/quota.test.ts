import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { QuotaExceeded } from '../../../functions/storage/blobs.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { emptyFolder } from '../../support/sqlite-folder.ts';
import { endless, stream } from '../../support/storage-contract/streams.ts';

const film = (bytes: number) => stream(new Uint8Array(bytes));

async function withQuota(
  quotaBytes: number,
  work: (platform: ReturnType<typeof openEmbedded>, folder: string) => unknown,
) {
  const folder = emptyFolder();
  const platform = openEmbedded(folder, { quotaBytes });
  try {
    await work(platform, folder);
  } finally {
    await platform.close();
  }
}

test('limits each tenant to its quota, without effect on other tenants, and frees the space of removed films', async () => {
  await withQuota(100_000, async ({ blobs }) => {
    await blobs.put('a', film(60_000), 1e6, 't');
    await expect(blobs.put('b', film(60_000), 1e6, 't')).rejects.toThrow(QuotaExceeded);
    expect(await blobs.has('b')).toBe(false);
    await blobs.put('c', film(60_000), 1e6, 'u');
    // Putting an id again replaces its film.
    await blobs.put('a', film(90_000), 1e6, 't');
    await expect(blobs.put('a', film(110_000), 1e6, 't')).rejects.toThrow(QuotaExceeded);
    expect((await blobs.get('a'))?.length).toBe(90_000);
    await blobs.remove('a');
    await blobs.put('b', film(60_000), 1e6, 't');
  });
});

test('ends a stream at the quota', async () => {
  await withQuota(1_000_000, async ({ blobs }) => {
    const sender = endless();
    await expect(blobs.put('a', sender.stream, 1e12, 't')).rejects.toThrow(QuotaExceeded);
    expect(sender.sentBytes()).toBeLessThan(3_000_000);
    expect(sender.wasCancelled()).toBe(true);
  });
});

test('shares one quota among concurrent films', async () => {
  await withQuota(1_000_000, async ({ blobs }) => {
    const puts = Array.from({ length: 10 }, (_, i) =>
      blobs.put(`${i}`, film(300_000), 1e6, 't').catch(() => undefined),
    );
    const kept = (await Promise.all(puts)).filter(Boolean);
    expect(kept.length).toBeLessThanOrEqual(3);
    for (let i = 0; i < 10; i++) await blobs.remove(`${i}`);
    for (let i = 0; i < 3; i++) await blobs.put(`${i}`, film(300_000), 1e6, 't');
  });
});

test('counts a thousand films of a few bytes with their size on the disk', async () => {
  await withQuota(4096 * 5, async ({ blobs }) => {
    for (let i = 0; i < 5; i++) await blobs.put(`${i}`, film(1), 1e6, 't');
    await expect(blobs.put('5', film(1), 1e6, 't')).rejects.toThrow(QuotaExceeded);
  });
});

test('does not count pruned films, nor films that a process removed before it crashed', async () => {
  await withQuota(100_000, async ({ blobs }, folder) => {
    const db = new DatabaseSync(join(folder, 'alara.sqlite'));
    const counted = () => db.prepare('SELECT count(*) AS n FROM held').get()?.['n'];
    await blobs.put('a', film(60_000), 1e6, 't');
    await blobs.prune(new Date(Date.now() + 1000));
    expect(counted()).toBe(0);
    await blobs.put('a', film(60_000), 1e6, 't');
    const name = db.prepare('SELECT name FROM held').get()?.['name'];
    rmSync(join(folder, 'blobs', String(name)));
    await blobs.prune(new Date(0));
    expect(counted()).toBe(0);
    db.close();
  });
});

test('films leave the configured free space', async () => {
  const platform = openEmbedded(emptyFolder(), { floorBytes: Number.MAX_SAFE_INTEGER });
  try {
    await expect(platform.blobs.put('a', film(10), 1e6, 't')).rejects.toMatchObject({
      name: 'StoreUnavailable',
      code: 'FREE_SPACE_FLOOR',
    });
    // Small data is still stored.
    await platform.queue.send('a');
    expect(await platform.trouble()).toBeUndefined();
  } finally {
    await platform.close();
  }
});
