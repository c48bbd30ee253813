import { randomUUID } from 'node:crypto';
import type { Delivery, Queue } from '../queue.ts';
import type { Guarded } from './guarded.ts';

/** A time of the INTEGER column `due`, which a fraction of a millisecond does not fit. Never earlier than asked for. */
const dueAfter = (now: number, delayMs: number): number => now + Math.min(longestMs, Math.max(0, Math.ceil(delayMs)));

/**
 * No delay and no visibility is longer than this. A message that is due later was stored before the clock was set back, and
 * is due now: so a clock that is set back by a year delays a message by these two hours at the most.
 */
const longestMs = 2 * 3_600_000;

/** Between two looks for what another process has sent, in milliseconds; a look takes about 0.01 ms. */
const lookEveryMs = 20;

export type EmbeddedQueue = Queue & {
  /** Put a message in, inside of a transaction of the caller, who wakes up those that wait afterwards. */
  insert(body: string): void;
  wake(): void;
};

/** `closing` ends every wait: no statement may run once the database is closed. */
export function embeddedQueue({ db, run }: Guarded, closing: AbortSignal): EmbeddedQueue {
  const add = db.prepare('INSERT INTO messages (body, due) VALUES (?, ?)');
  // Asked before it is claimed, because a claim takes the write lock even where there is nothing to claim.
  const look = db.prepare('SELECT 1 FROM messages WHERE due <= ? LIMIT 1');
  const claim = db.prepare(
    `UPDATE messages SET due = :until, attempts = attempts + 1, receipt = :receipt
     WHERE seq = (SELECT seq FROM messages WHERE due <= :now ORDER BY due, seq LIMIT 1)
     RETURNING body, attempts`,
  );
  const stray = db.prepare('SELECT 1 FROM messages WHERE due > ? LIMIT 1');
  const recall = db.prepare('UPDATE messages SET due = :now WHERE due > :latest');
  const drop = db.prepare('DELETE FROM messages WHERE receipt = :receipt AND due > :now');
  const free = db.prepare('UPDATE messages SET due = :due, receipt = NULL WHERE receipt = :receipt AND due > :now');
  const hold = db.prepare('UPDATE messages SET due = :due WHERE receipt = :receipt AND due > :now');
  const count = db.prepare(
    `SELECT count(*) AS total, count(*) FILTER (WHERE receipt IS NOT NULL AND due > ?) AS held FROM messages`,
  );

  const sleepers = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of sleepers) wake();
  };

  /** Sleep until the time is over, something was sent by this process, or the signal is aborted. */
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
    });

  function next(visibilityMs: number): Delivery | undefined {
    const now = Date.now();
    const latest = now + longestMs;
    if (stray.get(latest)) recall.run({ now, latest });
    if (!look.get(now)) return undefined;
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
        await sleep(Math.min(lookEveryMs, leftMs), signal);
      }
      return undefined;
    },
    async remove(receipt) {
      await run(() => drop.run({ receipt, now: Date.now() }));
    },
    async release(receipt, delayMs) {
      await run(() => {
        const now = Date.now();
        free.run({ receipt, now, due: dueAfter(now, delayMs) });
      });
      wakeAll();
    },
    async extend(receipt, visibilityMs) {
      return run(() => {
        const now = Date.now();
        return hold.run({ receipt, now, due: dueAfter(now, visibilityMs) }).changes === 1;
      });
    },
    async depth() {
      const { total, held } = (await run(() => count.get(Date.now()))) ?? {};
      return { waiting: Number(total) - Number(held), inFlight: Number(held) };
    },
  };
}
