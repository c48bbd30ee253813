import type { Vault } from '../../platform/vault.ts';
import { type FilmOutcome, type FilmOutcomeStore, filmOutcomeLifeMs } from '../film-outcomes.ts';
import { openJson, sealJson } from '../sealed-json.ts';
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
