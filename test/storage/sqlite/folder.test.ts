import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { ConfigError } from '../../../functions/platform/config.ts';
import { openDatabase } from '../../../functions/storage/sqlite/database.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { isOpenToOthers } from '../../../functions/storage/sqlite/permissions.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { instance, job, reading } from '../../support/storage-contract/samples.ts';
import { broken, endless, stream } from '../../support/storage-contract/streams.ts';

test('refuses an unusable folder, and names its setting', () => {
  const folder = emptyFolder();
  const file = join(folder, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below')]) {
    expect(() => openEmbedded(path)).toThrow(ConfigError);
    expect(() => openEmbedded(path)).toThrow(`ALARA_DATA=${path}: the store cannot be opened there`);
  }
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(
    join(other, 'alara.sqlite'),
    'a text that is no database, and long enough to be looked at. '.repeat(50),
  );
  expect(() => openEmbedded(other)).toThrow(
    `ALARA_DATA=${other}: the store cannot be opened there (alara.sqlite is not a database). Restore the folder from a backup, or name another one.`,
  );
});

test('refuses a read-only folder', () => {
  // Root can write everywhere except in the kernel's own tree.
  const folder = process.getuid?.() === 0 ? '/sys' : emptyFolder();
  if (folder !== '/sys') chmodSync(folder, 0o555);
  expect(() => openEmbedded(folder)).toThrow(
    /cannot be opened there \(.*(permission|read-only).*\)\. Name a folder that can be written/,
  );
  if (folder !== '/sys') chmodSync(folder, 0o755);
});

test('syncs a commit to the disk', () => {
  const db = openDatabase(join(emptyFolder(), 'alara.sqlite'));
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  const full = 2;
  expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: full });
  db.close();
});

test('writes no file outside the folder, and leaves no partial file in it', async () => {
  const folder = emptyFolder();
  const data = join(folder, 'a', 'data');
  await using(data, async ({ blobs }) => {
    await blobs.put('../../escape', stream(new Uint8Array(9)), 10);
    await blobs.put('/escape', stream(new Uint8Array(9)), 10);
    await blobs.put('over', endless().stream, 1_000_000);
    await expect(blobs.put('broken', broken('gone'), 1_000_000)).rejects.toThrow('gone');
  });
  expect(readdirSync(folder)).toEqual(['a']);
  expect(readdirSync(join(folder, 'a'))).toEqual(['data']);
  expect(readdirSync(data).toSorted()).toEqual(['alara.sqlite', 'blobs', 'key']);
  const names = readdirSync(join(data, 'blobs'));
  expect(names).toHaveLength(2);
  for (const name of names) expect(name).toMatch(/^[0-9a-f]{64}$/);
});

test('reports an error for a blob with a changed, truncated, empty or swapped file, and never returns a film', async () => {
  const folder = emptyFolder();
  await using(folder, async ({ blobs }) => {
    await blobs.put('a', stream(new Uint8Array(1000)), 10_000);
    const [name = ''] = readdirSync(join(folder, 'blobs'));
    await blobs.put('b', stream(new Uint8Array(1000)), 10_000);
    const [other = ''] = readdirSync(join(folder, 'blobs')).filter((one) => one !== name);
    const path = join(folder, 'blobs', name);
    const good = readFileSync(path);
    const flipped = Buffer.from(good).fill((good[500] ?? 0) ^ 1, 500, 501);
    const swapped = readFileSync(join(folder, 'blobs', other));
    for (const bad of [flipped, swapped, good.subarray(0, -1), good.subarray(0, 20), Buffer.alloc(0)]) {
      writeFileSync(path, bad);
      await expect(blobs.get('a')).rejects.toThrow();
    }
    writeFileSync(path, good);
    expect(await blobs.get('a')).toEqual(new Uint8Array(1000));
  });
});

test('reports an error for a sealed value in the place of another job, reading or tenant', async () => {
  const folder = emptyFolder();
  await using(folder, async ({ jobs, readings, access }) => {
    for (const name of ['a', 'b']) {
      await jobs.create(job(name));
      await readings.put('clinic', { reading: reading(name), instance });
      await access.allowWebhooks(name, 'one.example');
    }
    const db = new DatabaseSync(join(folder, 'alara.sqlite'));
    db.exec(`
      UPDATE jobs SET particulars = (SELECT particulars FROM jobs WHERE id = 'b');
      UPDATE readings SET instance = (SELECT instance FROM readings WHERE id = 'b');
      UPDATE webhook_secrets SET secret = (SELECT secret FROM webhook_secrets WHERE tenant = 'b');
    `);
    db.close();
    expect(await jobs.get('b')).toEqual(job('b'));
    await expect(jobs.get('a')).rejects.toThrow();
    await expect(readings.get('clinic', 'a')).rejects.toThrow();
    await expect(access.webhooks('a')).rejects.toThrow();
  });
});

test('the next pruning removes partial files of a crashed process', async () => {
  const folder = emptyFolder();
  await using(folder, async ({ blobs }) => {
    const half = join(folder, 'blobs', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6.part');
    writeFileSync(half, 'half');
    utimesSync(half, new Date('2026-01-01'), new Date('2026-01-01'));
    expect(await blobs.prune(new Date('2026-01-02'))).toBe(0);
    expect(readdirSync(join(folder, 'blobs'))).toEqual([]);
  });
});

test('delivers messages in the order of their due time, and then of their sending', async () => {
  await using(emptyFolder(), async ({ queue }) => {
    await queue.send('late', 300);
    for (const body of ['a', 'b', 'c']) await queue.send(body);
    await new Promise((resolve) => setTimeout(resolve, 350));
    await queue.send('d');
    const bodies: (string | undefined)[] = [];
    for (let i = 0; i < 5; i++) bodies.push((await queue.receive({ visibilityMs: 60_000, waitMs: 0 }))?.body);
    expect(bodies).toEqual(['a', 'b', 'c', 'late', 'd']);
  });
});

test('while another process writes, operations wait and the thread does not block', async () => {
  const folder = emptyFolder();
  await using(folder, async ({ queue, jobs, blobs }) => {
    const writer = new DatabaseSync(join(folder, 'alara.sqlite'));
    writer.exec('BEGIN IMMEDIATE');
    let done = 0;
    const waiting = [
      queue.send('a'),
      jobs.create(job('a')),
      jobs.update('b', (found) => found),
      blobs.put('a', stream(new Uint8Array(9)), 10),
    ].map((work) => work.finally(() => done++));
    let ticks = 0;
    const ticking = setInterval(() => ticks++, 5);
    await new Promise((resolve) => setTimeout(resolve, 300));
    clearInterval(ticking);
    expect(done).toBe(0);
    expect(ticks).toBeGreaterThan(20);
    // Reads do not wait.
    expect(await jobs.get('a')).toBeUndefined();
    writer.exec('ROLLBACK');
    writer.close();
    await Promise.all(waiting);
    expect(await jobs.get('a')).toEqual(job('a'));
  });
});

test('closing the platform ends a wait for messages', async () => {
  const platform = openEmbedded(emptyFolder());
  const waiting = platform.queue.receive({ visibilityMs: 1000, waitMs: 60_000 });
  await platform.close();
  expect(await waiting).toBeUndefined();
});

test.skipIf(process.platform === 'win32')('other users cannot read the store, whoever created its folder', async () => {
  const folder = emptyFolder();
  chmodSync(folder, 0o755);
  const modes = () =>
    Object.fromEntries(
      readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
    );
  const kept = {
    'alara.sqlite': '600',
    'alara.sqlite-shm': '600',
    'alara.sqlite-wal': '600',
    blobs: '700',
    key: '600',
  };
  const before = process.umask(0o022);
  try {
    await using(folder, async ({ jobs }) => {
      await jobs.create(job('a'));
      expect(modes()).toEqual(kept);
    });
    // The state after an earlier release, and while another process has the store open.
    const other = new DatabaseSync(join(folder, 'alara.sqlite'));
    other.exec('SELECT 1');
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), name === 'blobs' ? 0o755 : 0o644);
    chmodSync(join(folder, 'key'), 0o600);
    await using(folder, async ({ jobs }) => {
      await jobs.create(job('b'));
      expect(modes()).toEqual(kept);
      expect(await jobs.get('a')).toMatchObject({ id: 'a' });
    });
    other.close();
  } finally {
    process.umask(before);
  }
  // The operator sets the mode of the folder. The service warns if other users can write to it.
  expect((statSync(folder).mode & 0o777).toString(8)).toBe('755');
  expect(isOpenToOthers(folder)).toBe(false);
  chmodSync(folder, 0o775);
  expect(isOpenToOthers(folder)).toBe(true);
});
