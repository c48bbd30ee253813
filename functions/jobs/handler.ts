import type { Fault } from '../core/fault.ts';
import type { Job, JobInput, Outcome } from '../core/job.ts';
import type { Result } from '../core/result.ts';

/** What a handler is told besides its job. */
export type Work = {
  /** Says how far it is and keeps the outcomes so far; the delivery is kept invisible meanwhile. */
  progress(done: number, total: number, outcomes: readonly Outcome[]): Promise<void>;
  /** Aborted when the worker stops, or when the job was taken over by another. */
  readonly signal: AbortSignal;
};

/**
 * Works on one kind of job, as often as it is delivered: it must come to the same end, without doubles, when an earlier
 * try got part of the way. A fault of the service or of what it depends on (HTTP 5xx in the advice table) is tried again; a fault of
 * the caller ends the job.
 */
export type Handler<Kind extends JobInput['kind']> = (
  job: Job & { readonly input: Extract<JobInput, { kind: Kind }> },
  work: Work,
) => Promise<Result<readonly Outcome[], Fault>>;

export type Handlers = { readonly [Kind in JobInput['kind']]: Handler<Kind> };
