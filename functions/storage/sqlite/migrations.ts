import type { DatabaseSync } from 'node:sqlite';
import { ConfigError } from '../../platform/config.ts';
import { localTenant } from '../access.ts';

/**
 * The changes from each layout of the database to the next. PRAGMA user_version is the number of applied changes. Released
 * changes are never edited, only followed by new ones.
 */
const migrations: readonly string[] = [
  // IF NOT EXISTS, because the release that created this table did not set user_version.
  `CREATE TABLE IF NOT EXISTS readings (id TEXT PRIMARY KEY, created_at TEXT NOT NULL, body TEXT NOT NULL) STRICT;`,

  `
  ALTER TABLE readings RENAME TO readings_of_nobody;
  CREATE TABLE readings (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    reading TEXT NOT NULL,
    instance BLOB, -- sealed
    PRIMARY KEY (tenant, id)
  ) STRICT;
  INSERT INTO readings (tenant, id, created_at, reading)
    SELECT '${localTenant}', id, created_at, body FROM readings_of_nobody;
  DROP TABLE readings_of_nobody;

  CREATE TABLE key_check (sealed BLOB NOT NULL) STRICT;

  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    particulars BLOB NOT NULL -- sealed: input, outcomes, fault
  ) STRICT;
  CREATE INDEX jobs_newest ON jobs (created_at);
  CREATE INDEX jobs_by_state ON jobs (state, updated_at);

  CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    body TEXT NOT NULL,
    due INTEGER NOT NULL, -- milliseconds since 1970; invisible until then
    attempts INTEGER NOT NULL DEFAULT 0,
    receipt TEXT UNIQUE -- of the delivery that holds it
  ) STRICT;
  CREATE INDEX messages_next ON messages (due, seq);

  CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    scopes TEXT NOT NULL, -- a JSON array
    digest BLOB NOT NULL, -- SHA-256 of the whole key
    created_at TEXT NOT NULL,
    revoked_at TEXT
  ) STRICT;
  CREATE TABLE webhook_secrets (tenant TEXT PRIMARY KEY, secret BLOB NOT NULL) STRICT; -- sealed
  CREATE TABLE webhook_hosts (
    tenant TEXT NOT NULL REFERENCES webhook_secrets,
    host TEXT NOT NULL,
    PRIMARY KEY (tenant, host)
  ) STRICT;
  `,

  `
  CREATE TABLE refusals (
    id TEXT PRIMARY KEY,
    expires INTEGER NOT NULL, -- milliseconds since 1970
    refusals BLOB NOT NULL -- sealed
  ) STRICT;
  CREATE INDEX refusals_expired ON refusals (expires);
  `,

  `
  CREATE TABLE held ( -- blobs, as far as they count for a tenant
    name TEXT PRIMARY KEY, -- of the file
    tenant TEXT NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX held_by_tenant ON held (tenant, bytes);
  `,

  `
  ALTER TABLE jobs ADD COLUMN kind TEXT; -- NULL for jobs of earlier releases
  CREATE INDEX jobs_of_tenant ON jobs (tenant, created_at, id);
  `,

  `CREATE INDEX readings_newest ON readings (tenant, created_at, id);`,
];

/** Bring a database to the layout of this release. Call this function inside a transaction. */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > migrations.length)
    throw new ConfigError(
      `the database has layout ${version}, and this release knows ${migrations.length}: a newer release of Alara has used the folder. Run that release, or name another folder`,
    );
  for (const change of migrations.slice(version)) db.exec(change);
  if (version < migrations.length) db.exec(`PRAGMA user_version = ${migrations.length}`);
}
