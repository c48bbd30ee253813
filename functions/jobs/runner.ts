import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../platform/log.ts';
import { withoutData } from '../platform/redact-error.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';
import type { Platform } from '../storage/platform.ts';
import type { Delivery } from '../storage/queue.ts';
import { attempt, type Bench } from './attempt.ts';
import type { Handlers } from './handler.ts';
import { type RetryPolicy, usualRetry } from './retry.ts';
import { sweep } from './sweep.ts';

export type WorkerOptions = {
  readonly platform: Pick<Platform, 'jobs' | 'queue' | 'enqueue' | 'blobs'>;
  readonly handlers: Handlers;
  /** Jobs that are worked on at the same time. */
  readonly concurrency: number;
  readonly log: Logger;
  /** How long jobs that have ended are kept, and the films of those that were given up. */
  readonly retentionMs: number;
  readonly retry?: Partial<RetryPolicy>;
  /** How long the job of a process that died stays with it. */
  readonly visibilityMs?: number;
  /** How long stopping waits for jobs to finish before it hands them back. */
  readonly graceMs?: number;
  readonly sweepEveryMs?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
};

export type Worker = {
  /** Take no more jobs; finish those that are held within the grace, hand the others back at once. */
  stop(): Promise<void>;
};

/** How long a handler has to notice that it should end. */
const hurryMs = 2000;
/** How long a second delivery of a job that runs here already is put off. */
const duplicateMs = 5000;

/** Work on the jobs of the queue until it is stopped. Any number of workers may share a queue. */
export function startWorker(options: WorkerOptions): Worker {
  const { platform, concurrency, log, retentionMs } = options;
  const { visibilityMs = 60_000, graceMs = 10_000, sweepEveryMs = 600_000 } = options;
  const stopping = new AbortController();
  const hurry = new AbortController();
  const held = new Map<string, Delivery>();
  const bench: Bench = {
    ...{ platform, handlers: options.handlers, visibilityMs, log, hurry: hurry.signal },
    retry: { ...usualRetry, ...options.retry },
    random: options.random ?? Math.random,
  };

  async function lane(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const delivery = await platform.queue.receive({ visibilityMs, waitMs: 5000, signal: stopping.signal });
        if (delivery) await take(delivery);
      } catch (error) {
        // The message becomes visible again by itself; the store may need a moment.
        log.error({ error: withoutData(error) }, 'the queue or the store of jobs failed');
        const pauseMs = error instanceof StoreUnavailable ? error.retryAfterMs : 1000;
        await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  async function take(delivery: Delivery): Promise<void> {
    const { body: id, receipt } = delivery;
    if (held.has(id)) return platform.queue.release(receipt, duplicateMs);
    held.set(id, delivery);
    // Let go of before the message is: the next lane may have it at once.
    const fate = await attempt(delivery, bench).finally(() => held.delete(id));
    if (fate.kind === 'removed') await platform.queue.remove(receipt);
    if (fate.kind === 'again') await platform.queue.release(receipt, fate.delayMs);
  }

  async function tidy(): Promise<void> {
    try {
      const swept = await sweep(platform, retentionMs);
      if (swept.jobs + swept.blobs + swept.resent > 0) log.info(swept, 'swept');
    } catch (error) {
      log.error({ error: withoutData(error) }, 'sweeping failed');
    }
  }

  const lanes = Promise.all(Array.from({ length: concurrency }, lane));
  const sweeping = setInterval(tidy, sweepEveryMs);
  void tidy();

  return {
    async stop() {
      clearInterval(sweeping);
      stopping.abort();
      const within = (ms: number) => Promise.race([lanes, delay(ms, undefined, { ref: false })]);
      await within(graceMs);
      hurry.abort();
      await within(hurryMs);
      // A handler that does not listen is left behind; another worker takes its job up now.
      await Promise.all([...held.values()].map(({ receipt }) => platform.queue.release(receipt, 0)));
    },
  };
}
