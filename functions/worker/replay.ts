import type { Platform } from '../platform/platform.ts';
import { blobsOf, hasEnded, type Job, type JobInput } from './job.ts';

/**
 * Work anew on a job that was given up or failed, with all its tries; undefined when there is no such job. Other jobs
 * stay as they are. Safe to repeat: a job that waits is queued once more, in case its message was lost.
 *
 * `input` is for what was sent again: it replaces what the job works on, which is gone as a rule, and one that was done is
 * worked on from its beginning as well.
 */
export async function replay(
  { jobs, queue }: Pick<Platform, 'jobs' | 'queue'>,
  id: string,
  input?: JobInput,
): Promise<Job | undefined> {
  const known = await jobs.get(id);
  const isReplayed = ({ state }: Job) =>
    state === 'dead' || state === 'failed' || (state === 'done' && input !== undefined);
  if (!known || (hasEnded(known) && !isReplayed(known)) || known.state === 'running') return known;
  const replayed = await jobs.update(id, (job) =>
    isReplayed(job)
      ? {
          ...job,
          ...{ state: 'queued', attempts: 0, fault: undefined, busySince: undefined },
          ...(input && { input, outcomes: [], progress: { done: 0, total: job.progress.total } }),
          updatedAt: new Date().toISOString(),
        }
      : job,
  );
  // The message goes last: one that comes before the job is open again finds a job that has ended, and is dropped. A
  // process that dies in between leaves an open job without a message, which a repetition or the sweep sends again.
  if (replayed?.state === 'queued') await queue.send(id);
  return replayed;
}

/** Whether what a job works on is still there. The films of one that failed went when it did. */
export async function isReplayable({ blobs }: Pick<Platform, 'blobs'>, { input }: Job): Promise<boolean> {
  for (const blob of blobsOf(input)) if (!(await blobs.has(blob))) return false;
  return true;
}
