import { randomUUID } from 'node:crypto';
import { redactedError } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import { hasEnded, type Job, type JobInput, type Outcome } from '../core/job.ts';
import { fail, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import type { Logger } from '../platform/log.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';
import type { Platform } from '../storage/platform.ts';
import type { Delivery } from '../storage/queue.ts';
import { finish } from './finish.ts';
import type { Handler, HandlerContext, Handlers } from './handler.ts';
import { type NextState, nextState, pauseMs, type RetryPolicy, triesFor } from './retry.ts';

/** The stores that a runner works with. */
export type RunnerStores = Pick<Platform, 'jobs' | 'queue' | 'enqueue' | 'blobs'>;

/** What an attempt needs besides its delivery. */
export type AttemptOptions = {
  readonly platform: RunnerStores;
  readonly handlers: Handlers;
  readonly retry: RetryPolicy;
  readonly visibilityMs: number;
  readonly random: () => number;
  /** How often a running job is checked for its cancellation. */
  readonly cancelCheckMs?: number | undefined;
  readonly log: Logger;
  /** Aborted at the end of the runner's grace period. Unfinished jobs then return to the queue. */
  readonly hurry: AbortSignal;
};

/** One read of the job. Most films are read before the first check. */
const usualCancelCheckMs = 2000;

/** What the runner does with the message: remove it, release it after a delay, or leave it to the runner that has it now. */
export type Disposition =
  | { readonly kind: 'remove' }
  | { readonly kind: 'release'; readonly delayMs: number }
  | { readonly kind: 'lost' };

/** Run the job that a message names, once. */
export async function attempt(delivery: Delivery, options: AttemptOptions): Promise<Disposition> {
  const lost = new AbortController();
  // Starts before the job is loaded, so that a slow store does not cost the delivery.
  const stopHeartbeat = heartbeat(delivery.receipt, options, () => lost.abort());
  try {
    return await attemptHeld(delivery.body, options, lost.signal);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    // Released at once. If the visibility expired, that would count as a delivery, and the queue moves a message that is
    // delivered too often to its dead letters. An hour without the store would then cost every waiting job.
    options.log.warn(
      { job: delivery.body, error: redactedError(error) },
      'a job is put off: its store does not answer',
    );
    const delayMs = error.retryAfterMs + pauseMs(delivery.attempt, options.retry, options.random);
    return { kind: 'release', delayMs };
  } finally {
    stopHeartbeat();
  }
}

async function attemptHeld(id: string, options: AttemptOptions, lost: AbortSignal): Promise<Disposition> {
  const { platform, retry, log, hurry } = options;

  // Counted before the work, so that a job that kills its process runs out of attempts as well.
  const run = randomUUID();
  const job = await change(platform, id, (job) =>
    job.attempts < triesFor(job.fault, retry)
      ? { ...job, state: 'running', attempts: job.attempts + 1, run }
      : { ...job, state: 'dead', fault: job.fault ?? { code: 'internal' } },
  );
  if (!job) {
    log.warn({ job: id }, 'no such job: its message is dropped');
    return { kind: 'remove' };
  }
  if (hasEnded(job)) {
    // An earlier delivery ended the job, and its process may have died before it finished; or the attempts are used up.
    log.info({ job: id, kind: job.input.kind, state: job.state }, 'a job had ended');
    await finish(platform, job);
    return { kind: 'remove' };
  }

  const started = performance.now();
  const cancelled = new AbortController();
  const stopWatching = watchEnd(platform, id, options, () => cancelled.abort());
  const result = await handle(job, options, AbortSignal.any([hurry, lost, cancelled.signal])).finally(stopWatching);
  // Another runner has the delivery now, and reaches the same end.
  if (lost.aborted) return { kind: 'lost' };

  const next: NextState =
    !result.ok && hurry.aborted
      ? { kind: 'retry', delayMs: 0, attempts: job.attempts - 1, fault: job.fault, busySince: job.busySince }
      : nextState(job, result, retry, options.random);
  const stored = await change(platform, id, (now) => (counts(next, now, run) ? applied(next, now) : undefined));
  // Another runner took the job over, and this one did not notice.
  if (stored && stored.run !== run && !hasEnded(stored)) return { kind: 'lost' };
  const isCancelled = stored?.state === 'cancelled';
  const entry = {
    job: id,
    kind: job.input.kind,
    attempts: job.attempts,
    ms: Math.round(performance.now() - started),
    state: isCancelled ? 'cancelled' : next.kind === 'retry' ? 'queued' : next.state,
    ...(!result.ok && !isCancelled && { fault: result.fault.code }),
  };
  if (next.kind === 'retry' && !isCancelled) {
    log.info({ ...entry, delayMs: next.delayMs });
    return { kind: 'release', delayMs: next.delayMs };
  }
  log.info(entry);
  if (result.ok) await nameAfterCancel(platform, job, result.value);
  if (stored) await finish(platform, stored);
  return { kind: 'remove' };
}

/** A late failure says nothing about the attempt that runs now. A late success is as good as any other. */
const counts = (next: NextState, now: Job, run: string) =>
  now.run === run || (next.kind === 'ended' && next.state === 'done');

function applied(next: NextState, job: Job): Job {
  if (next.kind === 'retry') {
    const { attempts, fault, busySince } = next;
    return { ...job, state: 'queued', attempts, fault, busySince };
  }
  if (next.state !== 'done') return { ...job, state: next.state, fault: next.fault };
  return {
    ...job,
    state: 'done',
    fault: undefined,
    busySince: undefined,
    outcomes: next.outcomes,
    progress: { done: job.progress.total, total: job.progress.total },
  };
}

/** Change a job that has not ended. An ended job stays as it is. If `changed` returns undefined, so does any other. */
const change = ({ jobs }: Pick<Platform, 'jobs'>, id: string, changed: (job: Job) => Job | undefined) =>
  jobs.update(id, (job) => {
    const next = hasEnded(job) ? undefined : changed(job);
    return next ? { ...next, updatedAt: new Date().toISOString() } : job;
  });

/**
 * Store the outcomes of a try whose job was cancelled before the try noticed, so that the job names each reading that is stored. The job
 * keeps the time of its end, which identifies its webhook.
 */
const nameAfterCancel = ({ jobs }: Pick<Platform, 'jobs'>, { id, run }: Job, outcomes: readonly Outcome[]) =>
  jobs.update(id, (now) => (now.state === 'cancelled' && now.run === run ? { ...now, outcomes } : now));

/** Run the handler. An error that it throws is a bug or a failing store. The job is retried, and the log omits the message. */
async function handle(
  job: Job,
  { platform, handlers, log }: AttemptOptions,
  signal: AbortSignal,
): Promise<Result<readonly Outcome[], Fault>> {
  const context: HandlerContext = {
    signal,
    async progress(done, total, outcomes) {
      await change(platform, job.id, (now) =>
        now.run === job.run ? { ...now, progress: { done, total }, outcomes } : undefined,
      );
      await nameAfterCancel(platform, job, outcomes);
    },
  };
  try {
    // The types cannot tie a handler to the kind of its job's input.
    return await (handlers[job.input.kind] as Handler<JobInput['kind']>)(job, context);
  } catch (error) {
    if (!signal.aborted)
      log.error({ job: job.id, kind: job.input.kind, error: redactedError(error) }, 'a handler threw');
    // Put off without counting the attempt, so that an hour without the store does not kill every waiting job.
    if (error instanceof StoreUnavailable)
      return fail({ code: 'store_unavailable', retryAfterMs: ms(error.retryAfterMs) });
    return fail({ code: 'internal' });
  }
}

/** Watch for a tenant who cancels the job while it runs, also by way of another process. `ended` is called once. */
function watchEnd(
  { jobs }: Pick<Platform, 'jobs'>,
  id: string,
  { cancelCheckMs = usualCancelCheckMs, log }: AttemptOptions,
  ended: () => void,
): () => void {
  const check = async () => {
    try {
      if ((await jobs.get(id))?.state !== 'cancelled') return;
      clearInterval(timer);
      ended();
    } catch (error) {
      log.warn({ job: id, error: redactedError(error) }, 'a running job could not be checked for its cancellation');
    }
  };
  const timer = setInterval(check, cancelCheckMs);
  return () => clearInterval(timer);
}

/** Keep a delivery invisible during the work. `lost` is called once if the delivery has become visible to others. */
function heartbeat(receipt: string, { platform, visibilityMs, log }: AttemptOptions, lost: () => void): () => void {
  const beat = async () => {
    try {
      if (await platform.queue.extend(receipt, visibilityMs)) return;
      clearInterval(timer);
      lost();
    } catch (error) {
      log.error({ error: redactedError(error) }, 'a delivery could not be extended');
    }
  };
  const timer = setInterval(beat, visibilityMs / 3);
  return () => clearInterval(timer);
}
