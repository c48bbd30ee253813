import type { Fault } from '../core/fault.ts';
import type { Job, Outcome } from '../core/job.ts';
import type { Result } from '../core/result.ts';
import { isOutage, isTooHeavy, isTransient, pauseMs, type RetryPolicy, triesFor } from './retry.ts';

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
