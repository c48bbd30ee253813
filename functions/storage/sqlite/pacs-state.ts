import { openJson, sealJson, type Vault } from '../../platform/vault.ts';
import { type Cursors, type FilmOutcome, type FilmOutcomeStore, filmOutcomeLifeMs } from '../pacs-state.ts';
import type { GuardedDatabase } from './guarded-database.ts';

export function embeddedFilmOutcomes({ db, run }: GuardedDatabase, vault: Vault): FilmOutcomeStore {
  // The table was named when it held refused films only.
  const select = db.prepare('SELECT refusals FROM refusals WHERE id = ? AND expires > ?');
  const replace = db.prepare('INSERT OR REPLACE INTO refusals (id, expires, refusals) VALUES (?, ?, ?)');
  const prune = db.prepare('DELETE FROM refusals WHERE expires <= ?');
  const context = (id: string) => JSON.stringify(['refusals', id]);
  return {
    async get(id) {
      const sealed = (await run(() => select.get(id, Date.now())))?.['refusals'];
      return sealed instanceof Uint8Array ? openJson<FilmOutcome[]>(vault, sealed, context(id)) : [];
    },
    async put(id, outcomes) {
      const sealed = sealJson(vault, outcomes, context(id));
      await run(() => {
        const now = Date.now();
        prune.run(now);
        replace.run(id, now + filmOutcomeLifeMs, sealed);
      });
    },
  };
}

export function embeddedCursors({ db, run }: GuardedDatabase): Cursors {
  const select = db.prepare('SELECT value FROM cursors WHERE name = ?');
  const insert = db.prepare('INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING');
  const update = db.prepare('UPDATE cursors SET value = :to WHERE name = :name AND value = :from');
  return {
    async get(name) {
      const row = await run(() => select.get(name));
      return row && String(row['value']);
    },
    async move(name, from, to) {
      const { changes } = await run(() => (from === undefined ? insert.run(name, to) : update.run({ name, from, to })));
      return changes === 1;
    },
  };
}
