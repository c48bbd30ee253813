import type { Platform } from '../platform/platform.ts';
import type { Job, JobInput } from './job.ts';

/**
 * Work anew on a job that was given up or failed, with all its tries; undefined when there is no such job. `input`
 * replaces what it works on, where that is gone. Other jobs stay as they are. Safe to repeat: a job that waits is
 * queued once more, in case its message was lost.
 */
export async function replay(
  { jobs, queue }: Pick<Platform, 'jobs' | 'queue'>,
  id: string,
  input?: JobInput,
): Promise<Job | undefined> {
  const known = await jobs.get(id);
  if (!known || known.state === 'done' || known.state === 'running') return known;
  const replayed = await jobs.update(id, (job) =>
    job.state === 'dead' || job.state === 'failed'
      ? {
          ...job,
          ...{ input: input ?? job.input, state: 'queued', attempts: 0, fault: undefined },
          updatedAt: new Date().toISOString(),
        }
      : job,
  );
  // The message goes last: one that comes before the job is open again finds a job that has ended, and is dropped. A
  // process that dies in between leaves an open job without a message, which a repetition or the sweep sends again.
  if (replayed?.state === 'queued') await queue.send(id);
  return replayed;
}
