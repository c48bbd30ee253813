import type { Fault, FaultCode } from '../core/fault.ts';
import { advice } from '../core/fault-status.ts';

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
