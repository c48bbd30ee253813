import { randomUUID } from 'node:crypto';
import type { Delivery, Queue } from '../queue.ts';
import type { GuardedDatabase } from './guarded-database.ts';

/** A time for the INTEGER column `due`, which holds no fraction of a millisecond. Rounded up. */
const dueAfter = (now: number, delayMs: number): number => now + Math.min(longestMs, Math.max(0, Math.ceil(delayMs)));

/**
 * The longest delay and visibility. A message that is due later was stored before the clock was set back, and is due now.
 * So a clock that is set back by a year delays a message by two hours at most.
 */
const longestMs = 2 * 3_600_000;

/** The interval of polls for messages of other processes, in milliseconds. A poll takes about 0.01 ms. */
const pollEveryMs = 20;

export type EmbeddedQueue = Queue & {
  /** Insert a message inside a transaction of the caller, who calls `wake` afterwards. */
  insert(body: string): void;
  wake(): void;
};

/** `closing` ends every wait, because no statement may run once the database is closed. */
export function embeddedQueue({ db, run }: GuardedDatabase, closing: AbortSignal): EmbeddedQueue {
  const add = db.prepare('INSERT INTO messages (body, due) VALUES (?, ?)');
  // Checked before a claim, because a claim takes the write lock even where nothing is due.
  const isDue = db.prepare('SELECT 1 FROM messages WHERE due <= ? LIMIT 1');
  const claim = db.prepare(
    `UPDATE messages SET due = :until, attempts = attempts + 1, receipt = :receipt
     WHERE seq = (SELECT seq FROM messages WHERE due <= :now ORDER BY due, seq LIMIT 1)
     RETURNING body, attempts`,
  );
  const misdated = db.prepare('SELECT 1 FROM messages WHERE due > ? LIMIT 1');
  const redate = db.prepare('UPDATE messages SET due = :now WHERE due > :latest');
  const remove = db.prepare('DELETE FROM messages WHERE receipt = :receipt AND due > :now');
  const release = db.prepare('UPDATE messages SET due = :due, receipt = NULL WHERE receipt = :receipt AND due > :now');
  const extend = db.prepare('UPDATE messages SET due = :due WHERE receipt = :receipt AND due > :now');
  const count = db.prepare(
    `SELECT count(*) AS total, count(*) FILTER (WHERE receipt IS NOT NULL AND due > ?) AS held FROM messages`,
  );

  const sleepers = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of sleepers) wake();
  };

  /** One poll for all sleepers: 20 lanes that poll on their own take 2 % of a processor while nothing is due. */
  let isPolling = false;
  function poll(): void {
    isPolling = false;
    if (sleepers.size === 0 || closing.aborted) return;
    run(() => closing.aborted || hasWork(Date.now())).then(
      (due) => (due ? wakeAll() : pollLater()),
      // The sleepers meet the same error and report it.
      wakeAll,
    );
  }
  function pollLater(): void {
    if (!isPolling) setTimeout(poll, pollEveryMs);
    isPolling = true;
  }

  /** Sleep until a message may be due, the time is over, or the signal is aborted. */
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        sleepers.delete(wake);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      sleepers.add(wake);
      signal?.addEventListener('abort', wake);
      pollLater();
    });

  const hasWork = (now: number) => misdated.get(now + longestMs) ?? isDue.get(now);

  function next(visibilityMs: number): Delivery | undefined {
    const now = Date.now();
    const latest = now + longestMs;
    if (misdated.get(latest)) redate.run({ now, latest });
    if (!isDue.get(now)) return undefined;
    const receipt = randomUUID();
    const row = claim.get({ now, until: dueAfter(now, visibilityMs), receipt });
    return row && { body: String(row['body']), attempt: Number(row['attempts']), receipt };
  }

  return {
    insert: (body) => void add.run(body, Date.now()),
    wake: wakeAll,
    async send(body, delayMs = 0) {
      await run(() => add.run(body, dueAfter(Date.now(), delayMs)));
      wakeAll();
    },
    async receive({ visibilityMs, waitMs, signal }) {
      const deadline = performance.now() + waitMs;
      const isOver = () => signal?.aborted || closing.aborted;
      while (!isOver()) {
        const delivery = await run(() => (isOver() ? undefined : next(visibilityMs)));
        const leftMs = deadline - performance.now();
        if (delivery || leftMs <= 0) return delivery;
        await sleep(leftMs, signal);
      }
      return undefined;
    },
    async remove(receipt) {
      await run(() => remove.run({ receipt, now: Date.now() }));
    },
    async release(receipt, delayMs) {
      await run(() => {
        const now = Date.now();
        release.run({ receipt, now, due: dueAfter(now, delayMs) });
      });
      wakeAll();
    },
    async extend(receipt, visibilityMs) {
      return run(() => {
        const now = Date.now();
        return extend.run({ receipt, now, due: dueAfter(now, visibilityMs) }).changes === 1;
      });
    },
    async depth() {
      const { total, held } = (await run(() => count.get(Date.now()))) ?? {};
      return { waiting: Number(total) - Number(held), inFlight: Number(held) };
    },
  };
}
