import { advice, type Fault, type FaultCode } from '../core/fault.ts';

/** How often, and how soon, what failed for a passing reason is tried again. */
export type RetryPolicy = {
  /** Tries before a job is given up. */
  readonly tries: number;
  /** Tries while what others run does not answer: about a day at the longest pause. */
  readonly outageTries: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** How long a job may be put off without a single try. */
  readonly busyMs: number;
};

export const usualRetry: RetryPolicy = { tries: 8, outageTries: 500, baseMs: 1000, capMs: 300_000, busyMs: 86_400_000 };

/**
 * Faults of a PACS or a webhook's receiver, a wrong password among them. They last as long as somebody else's maintenance
 * does: the eight tries that find out a job which can never succeed are over in two minutes, and would give up films at
 * every restart of a PACS.
 */
const outages: readonly FaultCode[] = ['pacs_unavailable', 'webhook_failed'];
export const isOutage = (fault: Fault | undefined): boolean =>
  fault !== undefined && (outages.includes(fault.code) || (fault.code === 'pacs_refused' && fault.setup === true));

/** A film that takes too long or too much; of either another film may have been the cause. */
const isExcessive = ({ code }: Fault): boolean => code === 'deadline_exceeded' || code === 'memory_exceeded';

/**
 * Whether a film has used up its tries against the engine's limits. Twice in a row is enough: the first time it may have met
 * a busy machine, and each time costs as much again. One that waited for most of the time is told that the engine is busy.
 */
export const isTooHeavy = (fault: Fault, before: Fault | undefined): boolean =>
  isExcessive(fault) && before !== undefined && isExcessive(before);

export const triesFor = (fault: Fault | undefined, { tries, outageTries }: RetryPolicy): number =>
  isOutage(fault) ? outageTries : tries;

/** Whether the same request could succeed later: a fault of the service or of what it depends on. */
export const isTransient = (fault: Fault): boolean => advice[fault.code].status >= 500 || isExcessive(fault);

/**
 * The pause after a try: exponential with full jitter, so that jobs that failed together do not come back together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export const pauseMs = (attempts: number, { baseMs, capMs }: RetryPolicy, random: () => number): number =>
  Math.round(random() * Math.min(capMs, baseMs * 2 ** (attempts - 1)));
