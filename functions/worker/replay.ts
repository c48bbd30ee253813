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
  // The message goes first: a process that dies in between leaves one too many, never one too few.
  await queue.send(id, headStartMs);
  return jobs.update(id, (job) =>
    job.state === 'dead' || job.state === 'failed'
      ? {
          ...job,
          ...{ input: input ?? job.input, state: 'queued', attempts: 0, fault: undefined },
          updatedAt: new Date().toISOString(),
        }
      : job,
  );
}

/** How long the message waits, so that the job is open again when it comes. */
const headStartMs = 1000;
