import { blobsOf, type Job } from '../core/job.ts';
import { jobId } from '../core/job-id.ts';
import type { Platform } from '../storage/platform.ts';
import { submit } from './submit.ts';

/**
 * What follows the end of a job. It is done after the end is kept and before the message is removed, so a process that
 * dies in between leaves a message that has it done again: every part may be repeated.
 */
export async function afterEnd(platform: Pick<Platform, 'enqueue' | 'blobs'>, job: Job): Promise<void> {
  const { id, tenant, input, state, updatedAt } = job;
  if ('webhook' in input && input.webhook !== undefined) {
    // An ended job changes no more unless it is replayed, and that is a new end to tell of.
    const webhook = await jobId({ kind: 'webhook', job: id, url: input.webhook, endedAt: updatedAt });
    await submit(platform, webhook, tenant, { kind: 'webhook', url: input.webhook, job: id });
  }
  // A dead job may be replayed and still needs its film.
  if (state !== 'dead') await Promise.all(blobsOf(input).map((blob) => platform.blobs.remove(blob)));
}
