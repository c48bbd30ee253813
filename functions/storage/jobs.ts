import type { Job, JobState } from '../core/job.ts';
import type { Queue } from './queue.ts';

/** Keeps jobs. What a job works on and what came of it may name a study, so both are kept sealed. */
export type JobStore = {
  /** Keep a new job; false when one with this id is kept already, which then stays as it is. */
  create(job: Job): Promise<boolean>;
  get(id: string): Promise<Job | undefined>;
  /** Change the job as it is now, atomically; undefined when there is none. */
  update(id: string, change: (job: Job) => Job): Promise<Job | undefined>;
  /** Newest first. */
  list(filter: { readonly tenant?: string; readonly state?: JobState; readonly limit: number }): Promise<Job[]>;
  /** Forget jobs that have ended, given up or not, and have not changed since `before`; the number that were forgotten. */
  prune(before: Date): Promise<number>;
};

/** What becomes of a job, and whether a message is sent for it. */
export type Enqueued = { readonly job: Job; readonly send: boolean };

/**
 * Keep what `change` makes of the job with this id, and send its message: both or neither where jobs and messages are in
 * one database. Elsewhere the message goes last, so that a process that dies in between leaves an open job without a
 * message, which the sweep finds. `change` gets undefined where there is no such job; where it answers undefined, nothing
 * changes. Resolves with the job as it is then.
 */
export type Enqueue = (
  id: string,
  change: (known: Job | undefined) => Enqueued | undefined,
) => Promise<Job | undefined>;

/** {@link Enqueue} in two steps, over a store of jobs and a queue that know nothing of each other. */
export const enqueueInSteps =
  ({ jobs, queue }: { readonly jobs: JobStore; readonly queue: Queue }): Enqueue =>
  async (id, change) => {
    const made = change(undefined);
    if (made && (await jobs.create(made.job))) {
      if (made.send) await queue.send(id);
      return made.job;
    }
    const known = await jobs.get(id);
    const seen = known && change(known);
    if (!seen) return known;
    if (seen.job === known) {
      if (seen.send) await queue.send(id);
      return known;
    }
    let send = false;
    const kept = await jobs.update(id, (job) => {
      const next = change(job);
      send = next?.send ?? false;
      return next?.job ?? job;
    });
    if (send) await queue.send(id);
    return kept;
  };
