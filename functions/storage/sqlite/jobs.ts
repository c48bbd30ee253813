import type { SQLOutputValue } from 'node:sqlite';
import type { Job, JobState, Particulars } from '../../core/job.ts';
import { openJson, sealJson, type Vault } from '../../platform/vault.ts';
import type { Enqueue, JobStore } from '../jobs.ts';
import { transaction } from './database.ts';
import type { GuardedDatabase } from './guarded-database.ts';
import type { EmbeddedQueue } from './queue.ts';

/** Jobs, and {@link Enqueue} in one transaction with the queue's table. */
export function embeddedJobs(
  { db, run }: GuardedDatabase,
  vault: Vault,
  { insert: send, wake }: Pick<EmbeddedQueue, 'insert' | 'wake'>,
): { readonly jobs: JobStore; readonly enqueue: Enqueue } {
  const insert = db.prepare(
    `INSERT INTO jobs (id, tenant, kind, state, created_at, updated_at, attempts, done, total, particulars)
     VALUES (:id, :tenant, :kind, :state, :createdAt, :updatedAt, :attempts, :done, :total, :particulars)
     ON CONFLICT (id) DO NOTHING`,
  );
  const select = db.prepare('SELECT * FROM jobs WHERE id = ?');
  const change = db.prepare(
    `UPDATE jobs SET tenant = :tenant, kind = :kind, state = :state, created_at = :createdAt, updated_at = :updatedAt,
       attempts = :attempts, done = :done, total = :total, particulars = :particulars
     WHERE id = :id`,
  );
  const newest = db.prepare(
    `SELECT * FROM jobs WHERE (:tenant IS NULL OR tenant = :tenant) AND (:state IS NULL OR state = :state)
       AND (:kinds IS NULL OR kind IS NULL OR kind IN (SELECT value FROM json_each(:kinds)))
       AND (:createdAt IS NULL OR (created_at, id) < (:createdAt, :id))
     ORDER BY created_at DESC, id DESC LIMIT :limit`,
  );
  // A dead job waits to be replayed, but not for ever, because its film shows patient data.
  const prune = db.prepare(
    `DELETE FROM jobs WHERE state IN ('done', 'failed', 'dead', 'cancelled') AND updated_at < ?`,
  );

  const context = (id: string) => JSON.stringify(['job', id]);
  const toRow = ({ input, outcomes, fault, busySince, run, progress, ...plain }: Job) => ({
    ...plain,
    ...progress,
    kind: input.kind,
    particulars: sealJson(vault, { input, outcomes, fault, busySince, run } satisfies Particulars, context(plain.id)),
  });
  const fromRow = (row: Record<string, SQLOutputValue>): Job => {
    const id = String(row['id']);
    const { particulars } = row;
    if (!(particulars instanceof Uint8Array)) throw new Error(`job ${id} has no particulars`);
    return {
      id,
      tenant: String(row['tenant']),
      state: String(row['state']) as JobState,
      createdAt: String(row['created_at']),
      updatedAt: String(row['updated_at']),
      attempts: Number(row['attempts']),
      progress: { done: Number(row['done']), total: Number(row['total']) },
      ...openJson<Particulars>(vault, particulars, context(id)),
    };
  };
  const find = (id: string) => {
    const row = select.get(id);
    return row && fromRow(row);
  };

  const enqueue: Enqueue = async (id, changed) => {
    const work = () => {
      const known = find(id);
      const next = changed(known);
      if (!next) return known;
      if (!known) insert.run(toRow({ ...next.job, id }));
      else if (next.job !== known) change.run(toRow({ ...next.job, id }));
      if (next.send) send(id);
      return next.job;
    };
    const kept = await run(() => transaction(db, work));
    wake();
    return kept;
  };

  const jobs: JobStore = {
    async create(job) {
      const row = toRow(job);
      return run(() => insert.run(row).changes === 1);
    },
    get: (id) => run(() => find(id)),
    update(id, changed) {
      const work = () => {
        const job = find(id);
        if (!job) return undefined;
        const next = changed(job);
        change.run(toRow({ ...next, id }));
        return next;
      };
      return run(() => transaction(db, work));
    },
    async list({ tenant = null, state = null, kinds, after, limit }) {
      const found: Job[] = [];
      let behind = after;
      for (;;) {
        const { createdAt = null, id = null } = behind ?? {};
        const wanted = limit - found.length;
        const asked = { tenant, state, kinds: kinds ? JSON.stringify(kinds) : null, createdAt, id, limit: wanted };
        const rows = (await run(() => newest.all(asked))).map(fromRow);
        // A row of an earlier release has its kind in the encrypted part only.
        found.push(...rows.filter(({ input }) => !kinds || kinds.includes(input.kind)));
        behind = rows.at(-1);
        if (rows.length < wanted || found.length >= limit) return found;
      }
    },
    prune: (before) => run(() => Number(prune.run(before.toISOString()).changes)),
  };

  return { jobs, enqueue };
}
