import { randomUUID } from 'node:crypto';
import type { Fault } from '../core/fault.ts';
import { hasEnded, type Job, type JobInput, type Outcome } from '../core/job.ts';
import { fail, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import type { Logger } from '../platform/log.ts';
import { withoutData } from '../platform/redact-error.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';
import type { Platform } from '../storage/platform.ts';
import type { Delivery } from '../storage/queue.ts';
import { afterEnd } from './finish.ts';
import type { Handler, Handlers, Work } from './handler.ts';
import { judge, type Verdict } from './outcome.ts';
import { pauseMs, type RetryPolicy, triesFor } from './retry.ts';

/** What an attempt needs besides its delivery. */
export type Bench = {
  readonly platform: Pick<Platform, 'jobs' | 'queue' | 'enqueue' | 'blobs'>;
  readonly handlers: Handlers;
  readonly retry: RetryPolicy;
  readonly visibilityMs: number;
  readonly random: () => number;
  readonly log: Logger;
  /** Aborted when the worker cannot wait any longer: what is not finished goes back to the queue. */
  readonly hurry: AbortSignal;
};

/** What is to become of a message. */
export type Fate =
  | { readonly kind: 'removed' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'again'; readonly delayMs: number };

/** Work once on the job that a message names. */
export async function attempt(delivery: Delivery, bench: Bench): Promise<Fate> {
  const lost = new AbortController();
  // From the first look at the job on: a store that answers slowly must not cost the delivery.
  const stopBeating = heartbeat(delivery.receipt, bench, () => lost.abort());
  try {
    return await attemptHeld(delivery.body, bench, lost.signal);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    // Released, not left to its visibility: that counts as a delivery, and a queue moves what is delivered too often to
    // its dead letters. An hour without the store would take every job that waits.
    bench.log.warn({ job: delivery.body, error: withoutData(error) }, 'a job is put off: its store does not answer');
    const delayMs = error.retryAfterMs + pauseMs(delivery.attempt, bench.retry, bench.random);
    return { kind: 'again', delayMs };
  } finally {
    stopBeating();
  }
}

async function attemptHeld(id: string, bench: Bench, lost: AbortSignal): Promise<Fate> {
  const { platform, retry, log, hurry } = bench;

  // Counted before the work, so that a job which kills its process runs out of tries as well.
  const run = randomUUID();
  const job = await change(platform, id, (job) =>
    job.attempts < triesFor(job.fault, retry)
      ? { ...job, state: 'running', attempts: job.attempts + 1, run }
      : { ...job, state: 'dead', fault: job.fault ?? { code: 'internal' } },
  );
  if (!job) {
    log.warn({ job: id }, 'no such job: its message is dropped');
    return { kind: 'removed' };
  }
  if (hasEnded(job)) {
    // An earlier delivery ended it, and its process may have died before the rest was done; or its tries are used up.
    log.info({ job: id, kind: job.input.kind, state: job.state }, 'a job had ended');
    await afterEnd(platform, job);
    return { kind: 'removed' };
  }

  const started = performance.now();
  const result = await work(job, bench, AbortSignal.any([hurry, lost]));
  // Another has the delivery now, and comes to the same end.
  if (lost.aborted) return { kind: 'lost' };

  const verdict: Verdict =
    !result.ok && hurry.aborted
      ? { ...{ kind: 'again', delayMs: 0, attempts: job.attempts - 1 }, fault: job.fault, busySince: job.busySince }
      : judge(job, result, retry, bench.random);
  const kept = await change(platform, id, (now) => (counts(verdict, now, run) ? applied(verdict, now) : undefined));
  // Another has taken the job over, without this one having noticed.
  if (kept && kept.run !== run && !hasEnded(kept)) return { kind: 'lost' };
  const said = { job: id, kind: job.input.kind, attempts: job.attempts, ms: Math.round(performance.now() - started) };
  if (verdict.kind === 'again') {
    log.info({ ...said, state: 'queued', ...(!result.ok && { fault: result.fault.code }), delayMs: verdict.delayMs });
    return { kind: 'again', delayMs: verdict.delayMs };
  }
  log.info({ ...said, state: verdict.state, ...(!result.ok && { fault: result.fault.code }) });
  if (kept) await afterEnd(platform, kept);
  return { kind: 'removed' };
}

/** A late failure says nothing of the try that runs by now; a late success is as good as any other. */
const counts = (verdict: Verdict, now: Job, run: string) =>
  now.run === run || (verdict.kind === 'ended' && verdict.state === 'done');

function applied(verdict: Verdict, job: Job): Job {
  if (verdict.kind === 'again') {
    const { attempts, fault, busySince } = verdict;
    return { ...job, state: 'queued', attempts, fault, busySince };
  }
  if (verdict.state !== 'done') return { ...job, state: verdict.state, fault: verdict.fault };
  const { outcomes } = verdict;
  return {
    ...job,
    state: 'done',
    fault: undefined,
    busySince: undefined,
    outcomes,
    progress: { done: job.progress.total, total: job.progress.total },
  };
}

/** Change a job that has not ended; one that has stays as it is, whoever is late. Undefined leaves it as it is, too. */
const change = ({ jobs }: Pick<Platform, 'jobs'>, id: string, changed: (job: Job) => Job | undefined) =>
  jobs.update(id, (job) => {
    const next = hasEnded(job) ? undefined : changed(job);
    return next ? { ...next, updatedAt: new Date().toISOString() } : job;
  });

/** Run the handler. What it throws is a bug, or a store that fails: tried again, and logged without its message. */
async function work(job: Job, bench: Bench, signal: AbortSignal): Promise<Result<readonly Outcome[], Fault>> {
  const { platform, handlers, log } = bench;
  const told: Work = {
    signal,
    async progress(done, total, outcomes) {
      await change(platform, job.id, (now) =>
        now.run === job.run ? { ...now, progress: { done, total }, outcomes } : undefined,
      );
    },
  };
  try {
    return await handle(handlers, job, told);
  } catch (error) {
    if (!signal.aborted) log.error({ job: job.id, kind: job.input.kind, error: withoutData(error) }, 'a handler threw');
    // Put off, not counted: a store that is away for an hour must not make dead jobs of everything that waits.
    if (error instanceof StoreUnavailable)
      return fail({ code: 'store_unavailable', retryAfterMs: ms(error.retryAfterMs) });
    return fail({ code: 'internal' });
  }
}

/** The handler of a job's kind, which the types cannot tie to the kind of its input. */
const handle = (handlers: Handlers, job: Job, told: Work) =>
  (handlers[job.input.kind] as Handler<JobInput['kind']>)(job, told);

/** Keep a delivery invisible while it is worked on; `lost` is told once when it has become visible to others. */
function heartbeat(receipt: string, { platform, visibilityMs, log }: Bench, lost: () => void): () => void {
  const beat = async () => {
    try {
      if (await platform.queue.extend(receipt, visibilityMs)) return;
      clearInterval(timer);
      lost();
    } catch (error) {
      log.error({ error: withoutData(error) }, 'a delivery could not be extended');
    }
  };
  const timer = setInterval(beat, visibilityMs / 3);
  return () => clearInterval(timer);
}
