import { blobsOf, type Job, type JobInput } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';

/**
 * Work anew on a job that was given up or failed, with all its tries; undefined when there is no such job. Other jobs
 * stay as they are. Safe to repeat: a job that waits is queued once more, in case its message was lost.
 *
 * `input` is for what was sent again: it replaces what the job works on, which is gone as a rule, and one that was done is
 * worked on from its beginning as well.
 */
export async function replay(
  { enqueue }: Pick<Platform, 'enqueue'>,
  id: string,
  input?: JobInput,
): Promise<Job | undefined> {
  const isReplayed = ({ state }: Job) =>
    state === 'dead' || state === 'failed' || (state === 'done' && input !== undefined);
  const replayed = (job: Job): Job => ({
    ...job,
    ...{ state: 'queued', attempts: 0, fault: undefined, busySince: undefined },
    ...(input && { input, outcomes: [], progress: { done: 0, total: job.progress.total } }),
    updatedAt: new Date().toISOString(),
  });
  return enqueue(id, (known) => {
    if (known && isReplayed(known)) return { job: replayed(known), send: true };
    return known?.state === 'queued' ? { job: known, send: true } : undefined;
  });
}

/** Whether what a job works on is still there. The films of one that failed went when it did. */
export async function isReplayable({ blobs }: Pick<Platform, 'blobs'>, { input }: Job): Promise<boolean> {
  for (const blob of blobsOf(input)) if (!(await blobs.has(blob))) return false;
  return true;
}
