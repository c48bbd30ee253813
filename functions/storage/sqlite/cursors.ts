import type { Cursors } from '../cursors.ts';
import type { GuardedDatabase } from './guarded-database.ts';

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
