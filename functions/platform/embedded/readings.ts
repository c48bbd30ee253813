import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Reading } from '../pipeline/reading.ts';
import { ConfigError } from './config.ts';

/** Keeps readings by id. Holds no image and no patient data. */
export type ReadingStore = {
  get(id: string): Promise<Reading | undefined>;
  put(reading: Reading): Promise<void>;
  close(): Promise<void>;
};

/**
 * Readings in SQLite under `folder`, kept across restarts; a reading that was put survives a crash of
 * the process. Throws ConfigError when the folder cannot be written.
 */
export function openStore(folder: string): ReadingStore {
  const db = openDatabase(folder);
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

function openDatabase(folder: string): DatabaseSync {
  try {
    mkdirSync(folder, { recursive: true });
    const db = new DatabaseSync(join(folder, 'alara.sqlite'));
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      PRAGMA busy_timeout = 5000;
      CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    `);
    return db;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `ALARA_DATA=${folder}: the store cannot be opened there (${reason}). Name a folder that can be written.`,
    );
  }
}
