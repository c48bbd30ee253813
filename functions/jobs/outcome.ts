import type { Fault } from '../core/fault.ts';
import type { Job, Outcome } from '../core/job.ts';
import type { Result } from '../core/result.ts';
import { isOutage, isTooHeavy, isTransient, pauseMs, type RetryPolicy, triesFor } from './retry.ts';

/** What becomes of a job after a try. */
export type Verdict =
  | { readonly kind: 'ended'; readonly state: 'done'; readonly outcomes: readonly Outcome[] }
  | { readonly kind: 'ended'; readonly state: 'failed' | 'dead'; readonly fault: Fault }
  | {
      readonly kind: 'again';
      readonly delayMs: number;
      readonly attempts: number;
      readonly fault?: Fault;
      readonly busySince?: string;
    };

/** `job` is as it was while it was worked on: its attempts include this try, its fault is that of the try before. */
export function judge(
  job: Pick<Job, 'attempts' | 'fault' | 'busySince'>,
  result: Result<readonly Outcome[], Fault>,
  policy: RetryPolicy,
  random: () => number,
  now: Date = new Date(),
): Verdict {
  if (result.ok) return { kind: 'ended', state: 'done', outcomes: result.value };
  const { fault } = result;
  // Busy is not broken: the work was not even begun. But what is busy for a day is.
  if ('retryAfterMs' in fault) {
    const { busySince = now.toISOString() } = job;
    if (now.getTime() - Date.parse(busySince) > policy.busyMs) return { kind: 'ended', state: 'dead', fault };
    const attempts = job.attempts - 1;
    return { kind: 'again', delayMs: fault.retryAfterMs, attempts, busySince, ...(job.fault && { fault: job.fault }) };
  }
  if (!isTransient(fault)) return { kind: 'ended', state: 'failed', fault };
  if (isTooHeavy(fault, job.fault)) return { kind: 'ended', state: 'dead', fault };
  // The many tries that an outage takes must not leave none for what comes after it.
  const attempts = isOutage(job.fault) && !isOutage(fault) ? 1 : job.attempts;
  if (attempts >= triesFor(fault, policy)) return { kind: 'ended', state: 'dead', fault };
  // At least as long as whoever refused asked for.
  const waitMs = 'waitMs' in fault ? (fault.waitMs ?? 0) : 0;
  return { kind: 'again', delayMs: waitMs + pauseMs(attempts, policy, random), attempts, fault };
}
