import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { localTenant } from '../../../functions/core/tenant.ts';
import { ConfigError } from '../../../functions/platform/config.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { reading } from '../../support/storage-contract/samples.ts';

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

test('a database of a later release is refused and stays unchanged', () => {
  const folder = emptyFolder();
  const db = new DatabaseSync(join(folder, 'alara.sqlite'));
  db.exec('PRAGMA user_version = 999');
  expect(() => openEmbedded(folder)).toThrow(ConfigError);
  expect(() => openEmbedded(folder)).toThrow(/layout 999/);
  expect(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()).toEqual({ n: 0 });
  db.close();
});
