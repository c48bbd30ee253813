import type { Fault, FaultCode } from '../core/fault.ts';
import { advice } from '../core/fault-status.ts';
import type { Job, Outcome } from '../core/job.ts';
import type { Result } from '../core/result.ts';

/** What follows an attempt: the job ends, or it is retried. */
export type NextState =
  | { readonly kind: 'ended'; readonly state: 'done'; readonly outcomes: readonly Outcome[] }
  | { readonly kind: 'ended'; readonly state: 'failed' | 'dead'; readonly fault: Fault }
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly attempts: number;
      readonly fault?: Fault;
      readonly busySince?: string;
    };

/** Decide what follows an attempt. `job.attempts` includes it, and `job.fault` is the fault of the attempt before. */
export function nextState(
  job: Pick<Job, 'attempts' | 'fault' | 'busySince'>,
  result: Result<readonly Outcome[], Fault>,
  policy: RetryPolicy,
  random: () => number,
  now: Date = new Date(),
): NextState {
  if (result.ok) return { kind: 'ended', state: 'done', outcomes: result.value };
  const { fault } = result;
  // A busy service did not start the work, so the attempt does not count. Busy for a day counts as broken.
  if ('retryAfterMs' in fault) {
    const { busySince = now.toISOString() } = job;
    if (now.getTime() - Date.parse(busySince) > policy.busyMs) return { kind: 'ended', state: 'dead', fault };
    const attempts = job.attempts - 1;
    return { kind: 'retry', delayMs: fault.retryAfterMs, attempts, busySince, ...(job.fault && { fault: job.fault }) };
  }
  if (!isTransient(fault)) return { kind: 'ended', state: 'failed', fault };
  if (isTooHeavy(fault, job.fault)) return { kind: 'ended', state: 'dead', fault };
  // An outage takes many attempts. A fault that follows the outage gets all of its own.
  const attempts = isOutage(job.fault) && !isOutage(fault) ? 1 : job.attempts;
  if (attempts >= triesFor(fault, policy)) return { kind: 'ended', state: 'dead', fault };
  // At least the wait that the other system asked for.
  const waitMs = 'waitMs' in fault ? (fault.waitMs ?? 0) : 0;
  return { kind: 'retry', delayMs: waitMs + pauseMs(attempts, policy, random), attempts, fault };
}

/** How often, and after which pauses, a job is retried. */
export type RetryPolicy = {
  /** Attempts before a job is given up. */
  readonly tries: number;
  /** Attempts during an outage of another system: about a day at the longest pause. */
  readonly outageTries: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** How long a job may be put off by a busy service before it is given up. */
  readonly busyMs: number;
};

export const usualRetry: RetryPolicy = { tries: 8, outageTries: 500, baseMs: 1000, capMs: 300_000, busyMs: 86_400_000 };

/**
 * Faults of a PACS or of a webhook's receiver, a wrong password included. They last as long as the maintenance of that
 * system. The usual eight attempts take two minutes, and would give up films at every restart of a PACS.
 */
const outages: readonly FaultCode[] = ['pacs_unavailable', 'webhook_failed'];
export const isOutage = (fault: Fault | undefined): boolean =>
  fault !== undefined && (outages.includes(fault.code) || (fault.code === 'pacs_refused' && fault.setup === true));

/** A film that takes too much time or memory. Another film that ran at the same time may have caused it. */
const isExcessive = ({ code }: Fault): boolean => code === 'deadline_exceeded' || code === 'memory_exceeded';

/**
 * Whether a film has exceeded the engine's limits twice in a row, which is enough to give it up. The first time the
 * machine may have been busy, and each attempt costs as much again.
 */
export const isTooHeavy = (fault: Fault, before: Fault | undefined): boolean =>
  isExcessive(fault) && before !== undefined && isExcessive(before);

export const triesFor = (fault: Fault | undefined, { tries, outageTries }: RetryPolicy): number =>
  isOutage(fault) ? outageTries : tries;

/** Whether the same request could succeed later: a fault of the service or of a system that it depends on. */
export const isTransient = (fault: Fault): boolean => advice[fault.code].status >= 500 || isExcessive(fault);

/**
 * The pause after an attempt: exponential with full jitter, so that jobs that failed together do not return together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). The count of attempts is stored with the
 * job, because a pause outlives the process. A backoff of cockatiel keeps its state in memory.
 */
export const pauseMs = (attempts: number, { baseMs, capMs }: RetryPolicy, random: () => number): number =>
  Math.round(random() * Math.min(capMs, baseMs * 2 ** (attempts - 1)));
