import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import type { GuardedDatabase } from '../../../functions/storage/sqlite/guarded-database.ts';
import { migrate } from '../../../functions/storage/sqlite/migrations.ts';
import { embeddedQueue } from '../../../functions/storage/sqlite/queue.ts';

test('receivers that wait share one poll', async () => {
  const db = new DatabaseSync(':memory:');
  migrate(db);
  let uses = 0;
  const counted: GuardedDatabase = {
    db,
    async run(work) {
      uses++;
      return work();
    },
    files: (work) => work(),
    trouble: async () => undefined,
  };
  const queue = embeddedQueue(counted, new AbortController().signal);
  const lanes = 20;
  const waiting = Array.from({ length: lanes }, () => queue.receive({ visibilityMs: 1000, waitMs: 400 }));
  expect(await Promise.all(waiting)).toEqual(Array(lanes).fill(undefined));
  // Each receiver looks once at the start, and once at the end. One poll every 20 ms is for all of them.
  expect(uses).toBeLessThan(4 * lanes);
  db.close();
});
