import type { Vault } from '../../platform/vault.ts';
import { type Refusal, type RefusalStore, refusalLifeMs } from '../refusals.ts';
import type { Guarded } from './guarded.ts';
import { openJson, sealJson } from './sealed-json.ts';

export function embeddedRefusals({ db, run }: Guarded, vault: Vault): RefusalStore {
  const select = db.prepare('SELECT refusals FROM refusals WHERE id = ? AND expires > ?');
  const replace = db.prepare('INSERT OR REPLACE INTO refusals (id, expires, refusals) VALUES (?, ?, ?)');
  const forget = db.prepare('DELETE FROM refusals WHERE expires <= ?');
  const context = (id: string) => JSON.stringify(['refusals', id]);
  return {
    async get(id) {
      const kept = (await run(() => select.get(id, Date.now())))?.['refusals'];
      return kept instanceof Uint8Array ? openJson<Refusal[]>(vault, kept, context(id)) : [];
    },
    async put(id, refusals) {
      const sealed = sealJson(vault, refusals, context(id));
      await run(() => {
        const now = Date.now();
        forget.run(now);
        replace.run(id, now + refusalLifeMs, sealed);
      });
    },
  };
}
