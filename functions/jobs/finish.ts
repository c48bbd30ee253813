import { blobsOf, type Job, jobId } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';
import { submit } from './submit.ts';

/**
 * Queue the webhook of a job that has ended, and delete its films. This runs after the end is stored and before the
 * message is removed. If the process dies in between, the message is delivered again, so every step may be repeated.
 */
export async function finish(platform: Pick<Platform, 'enqueue' | 'blobs'>, job: Job): Promise<void> {
  const { id, tenant, input, state, updatedAt } = job;
  if ('webhook' in input && input.webhook !== undefined) {
    // An ended job changes only when it is replayed, and the end of a replay has a webhook of its own.
    const webhook = await jobId({ kind: 'webhook', job: id, url: input.webhook, endedAt: updatedAt });
    await submit(platform, webhook, tenant, { kind: 'webhook', url: input.webhook, job: id });
  }
  // A dead job needs its film if it is replayed.
  if (state !== 'dead') await Promise.all(blobsOf(input).map((blob) => platform.blobs.remove(blob)));
}
