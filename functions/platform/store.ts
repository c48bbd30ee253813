import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Reading } from '../pipeline/reading.ts';

/** Keeps readings by id. Holds no image and no patient data. */
export type ReadingStore = {
  get(id: string): Promise<Reading | undefined>;
  put(reading: Reading): Promise<void>;
  close(): Promise<void>;
};

/** Readings in SQLite under `folder`, kept across restarts; a reading that was put survives a crash of the process. */
export function openStore(folder: string): ReadingStore {
  mkdirSync(folder, { recursive: true });
  const db = new DatabaseSync(join(folder, 'alara.sqlite'));
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA busy_timeout = 5000;
    CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
  `);
  const select = db.prepare('SELECT body FROM readings WHERE id = ?');
  const insert = db.prepare('INSERT INTO readings (id, created_at, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING');
  return {
    async get(id) {
      const row = select.get(id);
      return row ? (JSON.parse(String(row['body'])) as Reading) : undefined;
    },
    async put(reading) {
      insert.run(reading.id, reading.createdAt, JSON.stringify(reading));
    },
    async close() {
      db.close();
    },
  };
}
