import { blobsOf, hasEnded, type Job } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';

/** How long an upload is kept that no job needs. */
export const uploadLifetimeMs = 24 * 3600 * 1000;

/** An open job that has not changed for this long may have no message. The longest pause between two attempts is 5 min. */
const silentMs = 15 * 60_000;

export type Swept = {
  readonly jobs: number;
  readonly blobs: number;
  /** Open jobs that got a new message. */
  readonly resent: number;
};

/** Delete finished jobs after their retention, and films that no job needs after a day. Send lost messages again. */
export async function sweep(
  { jobs, queue, enqueue, blobs }: Pick<Platform, 'jobs' | 'queue' | 'enqueue' | 'blobs'>,
  retentionMs: number,
  now: Date = new Date(),
): Promise<Swept> {
  const before = (ms: number) => new Date(now.getTime() - ms);
  // Queued jobs are listed twice: a job may change between queued and running from one list to the next.
  const states = ['queued', 'running', 'queued', 'dead'] as const;
  const needed = await Promise.all(states.map((state) => jobs.list({ state, limit: Number.MAX_SAFE_INTEGER })));
  const kept = needed.flat();
  const keep = new Set(kept.flatMap(({ input }) => blobsOf(input)));
  return {
    resent: await resend({ queue, enqueue }, kept, before(silentMs).toISOString(), now),
    jobs: await jobs.prune(before(retentionMs)),
    blobs: await blobs.prune(before(uploadLifetimeMs), keep),
  };
}

/**
 * Send a new message for open jobs whose own was lost: a process died between its two steps, or the queue moved the
 * message to its dead letters. A queue cannot list its messages, only count them, so some jobs may get a second message.
 * A second message is harmless.
 */
async function resend(
  { queue, enqueue }: Pick<Platform, 'queue' | 'enqueue'>,
  kept: readonly Job[],
  before: string,
  now: Date,
): Promise<number> {
  const open = new Map(kept.flatMap((job) => (hasEnded(job) ? [] : [[job.id, job]])));
  const silent = [...open.values()].filter(({ updatedAt }) => updatedAt < before);
  if (silent.length === 0) return 0;
  const { waiting, inFlight } = await queue.depth();
  // Every open job has its message. Jobs are silent in a long queue as well.
  if (waiting + inFlight >= open.size) return 0;
  let resent = 0;
  for (const { id, updatedAt } of silent) {
    let isMine = false;
    // If several processes sweep, one of them sends. If it dies before, the next sweep sends after `silentMs`.
    await enqueue(id, (job) => {
      isMine = job !== undefined && !hasEnded(job) && job.updatedAt === updatedAt;
      return job && isMine ? { job: { ...job, updatedAt: now.toISOString() }, send: true } : undefined;
    });
    if (isMine) resent++;
  }
  return resent;
}
