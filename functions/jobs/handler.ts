import type { Fault } from '../core/fault.ts';
import type { Job, JobInput, Outcome } from '../core/job.ts';
import type { Result } from '../core/result.ts';

/** What a handler gets besides its job. */
export type HandlerContext = {
  /** Store how far the job is, and its outcomes so far. */
  progress(done: number, total: number, outcomes: readonly Outcome[]): Promise<void>;
  /** Aborted when the runner stops, or when another runner has taken the job over. */
  readonly signal: AbortSignal;
};

/**
 * Does the work of one kind of job. A job may be delivered several times, so a handler must reach the same end, without
 * duplicates, when an earlier attempt did part of the work. A fault of the service or of a system that it depends on
 * (HTTP 5xx in the advice table) is retried. A fault of the caller ends the job.
 */
export type Handler<Kind extends JobInput['kind']> = (
  job: Job & { readonly input: Extract<JobInput, { kind: Kind }> },
  context: HandlerContext,
) => Promise<Result<readonly Outcome[], Fault>>;

export type Handlers = { readonly [Kind in JobInput['kind']]: Handler<Kind> };
