import type { Job, JobState } from '../worker/job.ts';

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
