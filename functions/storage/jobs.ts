import type { Job, JobKind, JobState } from '../core/job.ts';
import type { Queue } from './queue.ts';
import type { Position } from './readings.ts';

/** Stores jobs. The input and the outcomes of a job may identify a study, so they are encrypted. */
export type JobStore = {
  /** Store a new job. False where a job with this id exists, which stays as it is. */
  create(job: Job): Promise<boolean>;
  get(id: string): Promise<Job | undefined>;
  /** Change the current job atomically. Undefined where there is none. */
  update(id: string, change: (job: Job) => Job): Promise<Job | undefined>;
  /** Newest first, by time and then by id. */
  list(filter: JobFilter): Promise<Job[]>;
  /** Delete jobs that ended before `before`, given up or not. Returns their number. */
  prune(before: Date): Promise<number>;
};

export type JobFilter = {
  readonly tenant?: string | undefined;
  readonly state?: JobState | undefined;
  readonly kinds?: readonly JobKind[] | undefined;
  /** Only jobs behind this position. */
  readonly after?: Position | undefined;
  readonly limit: number;
};

/** The new state of a job, and whether a message is sent for it. */
export type Enqueued = { readonly job: Job; readonly send: boolean };

/**
 * Store what `change` returns for the job with this id, and send its message. If jobs and messages are in one database,
 * both happen or neither does. Otherwise the message is sent last: a process that dies in between leaves an open job
 * without a message, which the sweep finds. `change` gets undefined where there is no such job. If it returns undefined,
 * nothing changes. Resolves with the job as it is then.
 */
export type Enqueue = (
  id: string,
  change: (known: Job | undefined) => Enqueued | undefined,
) => Promise<Job | undefined>;

/** {@link Enqueue} in two steps, for a store of jobs and a queue without a common transaction. */
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
