import { setTimeout as delay } from 'node:timers/promises';
import { redactedError } from '../core/errors.ts';
import type { Logger } from '../platform/log.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';
import type { Delivery } from '../storage/queue.ts';
import { type AttemptOptions, attempt, type RunnerStores } from './attempt.ts';
import type { Handlers } from './handler.ts';
import { type RetryPolicy, usualRetry } from './retry.ts';
import { sweep } from './sweep.ts';

export type RunnerOptions = {
  readonly platform: RunnerStores;
  readonly handlers: Handlers;
  /** Jobs that run at the same time. */
  readonly concurrency: number;
  readonly log: Logger;
  /** How long finished jobs are kept, and the films of jobs that were given up. */
  readonly retentionMs: number;
  readonly retry?: Partial<RetryPolicy>;
  /** How long the job of a process that died stays invisible to others. */
  readonly visibilityMs?: number;
  /** How long stopping waits for jobs to finish before it returns them to the queue. */
  readonly graceMs?: number;
  readonly sweepEveryMs?: number;
  readonly cancelCheckMs?: number;
  /** From 0 to 1. */
  readonly random?: () => number;
};

export type Runner = {
  /** Accept no more jobs. Wait for running jobs during the grace period, then return the others to the queue. */
  stop(): Promise<void>;
};

/** How long a handler has to react to its aborted signal. */
const abortMs = 2000;
/** How long a second delivery of a job is put off that already runs in this process. */
const duplicateMs = 5000;

/** Run the jobs of a queue until the runner is stopped. Any number of runners may share a queue. */
export function startRunner(options: RunnerOptions): Runner {
  const { platform, concurrency, log, retentionMs } = options;
  const { visibilityMs = 60_000, graceMs = 10_000, sweepEveryMs = 600_000 } = options;
  const stopping = new AbortController();
  const hurry = new AbortController();
  const held = new Map<string, Delivery>();
  const attemptOptions: AttemptOptions = {
    platform,
    handlers: options.handlers,
    retry: { ...usualRetry, ...options.retry },
    visibilityMs,
    random: options.random ?? Math.random,
    cancelCheckMs: options.cancelCheckMs,
    log,
    hurry: hurry.signal,
  };

  async function lane(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const delivery = await platform.queue.receive({ visibilityMs, waitMs: 5000, signal: stopping.signal });
        if (delivery) await handleDelivery(delivery);
      } catch (error) {
        // The message becomes visible again by itself. The store may need a moment.
        log.error({ error: redactedError(error) }, 'the queue or the store of jobs failed');
        const pauseMs = error instanceof StoreUnavailable ? error.retryAfterMs : 1000;
        await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
  }

  async function handleDelivery(delivery: Delivery): Promise<void> {
    const { body: id, receipt } = delivery;
    if (held.has(id)) return platform.queue.release(receipt, duplicateMs);
    held.set(id, delivery);
    // Deleted before the message is released, because another lane may receive the message at once.
    const disposition = await attempt(delivery, attemptOptions).finally(() => held.delete(id));
    if (disposition.kind === 'remove') await platform.queue.remove(receipt);
    if (disposition.kind === 'release') await platform.queue.release(receipt, disposition.delayMs);
  }

  async function sweepAndLog(): Promise<void> {
    try {
      const swept = await sweep(platform, retentionMs);
      if (swept.jobs + swept.blobs + swept.resent > 0) log.info(swept, 'swept');
    } catch (error) {
      log.error({ error: redactedError(error) }, 'sweeping failed');
    }
  }

  const lanes = Promise.all(Array.from({ length: concurrency }, lane));
  const sweeping = setInterval(sweepAndLog, sweepEveryMs);
  void sweepAndLog();

  return {
    async stop() {
      clearInterval(sweeping);
      stopping.abort();
      const atMost = (ms: number) => Promise.race([lanes, delay(ms, undefined, { ref: false })]);
      await atMost(graceMs);
      hurry.abort();
      await atMost(abortMs);
      // The jobs of handlers that ignore the signal. Another runner may start them now.
      await Promise.all([...held.values()].map(({ receipt }) => platform.queue.release(receipt, 0)));
    },
  };
}
