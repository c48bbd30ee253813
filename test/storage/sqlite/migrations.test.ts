import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { Job } from '../../../functions/core/job.ts';
import { ConfigError } from '../../../functions/platform/config.ts';
import { localTenant } from '../../../functions/storage/access.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { job, reading } from '../../support/storage-contract/samples.ts';

/** A folder in the state of release 0.1.0. */
function folderOfFirstRelease(ids: readonly string[]): string {
  const folder = join(emptyFolder(), 'data');
  mkdirSync(folder);
  const db = new DatabaseSync(join(folder, 'alara.sqlite'));
  db.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
  `);
  const insert = db.prepare('INSERT INTO readings (id, created_at, body) VALUES (?, ?, ?)');
  for (const id of ids) insert.run(id, reading(id).createdAt, JSON.stringify(reading(id)));
  db.close();
  return folder;
}

test('readings of the first release belong to the local tenant, now and after the next start', async () => {
  const folder = folderOfFirstRelease(['rd_a', 'rd_b']);
  for (let start = 0; start < 2; start++)
    await using(folder, async ({ readings }) => {
      for (const id of ['rd_a', 'rd_b'])
        expect(await readings.get(localTenant, id)).toEqual({ reading: reading(id), instance: null });
      expect(await readings.get('clinic', 'rd_a')).toBeUndefined();
    });
});

test('a migrated database accepts all data that a new database accepts', async () => {
  await using(folderOfFirstRelease([]), async ({ queue, cursors, access }) => {
    await queue.send('a');
    expect(await cursors.move('c', undefined, '1')).toBe(true);
    const { key } = await access.createKey('clinic', ['jobs']);
    expect(await access.check(key)).toBeDefined();
  });
});

test('jobs of a release without kinds are listed by kind, page by page', async () => {
  const folder = emptyFolder();
  const webhook = { kind: 'webhook', url: 'https://ris.example.org/', job: 'a' } as const;
  const ids = ['a', 'b', 'c', 'd', 'e'];
  await using(folder, async ({ jobs }) => {
    for (const [i, id] of ids.entries()) await jobs.create(job(id, i % 2 ? { input: webhook } : {}));
  });
  const db = new DatabaseSync(join(folder, 'alara.sqlite'));
  db.exec(
    'DROP INDEX readings_newest; DROP INDEX jobs_of_tenant; ALTER TABLE jobs DROP COLUMN kind; PRAGMA user_version = 4;',
  );
  db.close();
  await using(folder, async ({ jobs }) => {
    const list = async (limit: number, after?: Job) => jobs.list({ limit, kinds: ['study'], after });
    expect((await list(9)).map(({ id }) => id)).toEqual(['e', 'c', 'a']);
    const first = await list(2);
    expect(first.map(({ id }) => id)).toEqual(['e', 'c']);
    expect((await list(2, first.at(-1))).map(({ id }) => id)).toEqual(['a']);
    await jobs.update('a', (known) => ({ ...known, attempts: 1 }));
    expect(await jobs.get('a')).toEqual(job('a', { attempts: 1 }));
  });
});

test('a database of a later release is refused and stays unchanged', () => {
  const folder = emptyFolder();
  const db = new DatabaseSync(join(folder, 'alara.sqlite'));
  db.exec('PRAGMA user_version = 999');
  expect(() => openEmbedded(folder)).toThrow(ConfigError);
  expect(() => openEmbedded(folder)).toThrow(/layout 999/);
  expect(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()).toEqual({ n: 0 });
  db.close();
});
