import { hasEnded, type Job } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';
import { finish } from './finish.ts';

/**
 * Cancel a job that has not ended. The job ends at once, its films are deleted, and its webhook is queued. A runner that works on
 * the job notices within seconds and stops. A reading that is finished by then stays stored, and the outcomes of the job name it.
 * Resolves with the job as it is then, which is not cancelled if it had ended. If the process dies before the webhook is queued, the
 * runner of the job's message queues it.
 */
export async function cancel(
  platform: Pick<Platform, 'jobs' | 'enqueue' | 'blobs'>,
  id: string,
): Promise<Job | undefined> {
  const job = await platform.jobs.update(id, (known) =>
    hasEnded(known)
      ? known
      : {
          ...known,
          state: 'cancelled',
          fault: undefined,
          busySince: undefined,
          updatedAt: new Date().toISOString(),
        },
  );
  if (job?.state === 'cancelled') await finish(platform, job);
  return job;
}
