import type { Job } from '../../core/job.ts';
import type { JobStore } from '../../storage/jobs.ts';

/** Limit of studies that wait for their first attempt. At the limit, polling pauses, and further changes stay in the change log. */
export const maxWaitingStudies = 1000;

/**
 * The submitted studies of one PACS whose jobs have not started. Other jobs do not count, because webhooks, retries and the
 * jobs of another PACS must not pause the polling of this PACS.
 */
export function createBacklog(jobs: Pick<JobStore, 'get'>) {
  const queued: string[] = [];
  const isWaiting = ({ state, attempts }: Job) => state === 'queued' && attempts === 0;
  return {
    add(job: Job) {
      if (isWaiting(job)) queued.push(job.id);
    },
    /** Jobs start in the order of submission, so one lookup of the oldest job usually suffices. */
    async isFull(): Promise<boolean> {
      for (let oldest = queued[0]; oldest !== undefined && queued.length > maxWaitingStudies; oldest = queued[0]) {
        const job = await jobs.get(oldest);
        if (job && isWaiting(job)) return true;
        queued.shift();
      }
      return false;
    },
  };
}
