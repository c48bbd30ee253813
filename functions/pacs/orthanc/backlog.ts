import type { Job } from '../../core/job.ts';
import type { JobStore } from '../../storage/jobs.ts';

/** The log itself is the better queue: it is not read further while so many of its studies wait for their first try. */
export const mostWaiting = 1000;

/**
 * The studies that a follower has queued and nobody has begun to read. What else is in the queue does not count: neither
 * webhooks, nor what waits to be tried again, nor the work of another PACS may stop a follower.
 */
export function createBacklog(jobs: Pick<JobStore, 'get'>) {
  const queued: string[] = [];
  const waits = ({ state, attempts }: Job) => state === 'queued' && attempts === 0;
  return {
    add(job: Job) {
      if (waits(job)) queued.push(job.id);
    },
    /** Those that were queued first are begun first, so that one look is enough as a rule. */
    async isFull(): Promise<boolean> {
      for (let oldest = queued[0]; oldest !== undefined && queued.length > mostWaiting; oldest = queued[0]) {
        const job = await jobs.get(oldest);
        if (job && waits(job)) return true;
        queued.shift();
      }
      return false;
    },
  };
}
