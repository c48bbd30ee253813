import { blobsOf, hasEnded, type Job } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';

/** How long an upload is kept, and whatever else no job came to need. */
export const uploadLifeMs = 24 * 3600 * 1000;

/** An open job that nothing happened to for this long may have no message. The longest pause between two tries is 5 min. */
const silentMs = 15 * 60_000;

export type Swept = {
  readonly jobs: number;
  readonly blobs: number;
  /** Open jobs that were given a message anew. */
  readonly resent: number;
};

/** Forget finished jobs after their retention, and films that no job needs after a day; find jobs that were lost. */
export async function sweep(
  { jobs, queue, enqueue, blobs }: Pick<Platform, 'jobs' | 'queue' | 'enqueue' | 'blobs'>,
  retentionMs: number,
  now: Date = new Date(),
): Promise<Swept> {
  const before = (ms: number) => new Date(now.getTime() - ms);
  // Queued is asked twice: a job may change from one to the other between two answers.
  const states = ['queued', 'running', 'queued', 'dead'] as const;
  const needed = await Promise.all(states.map((state) => jobs.list({ state, limit: Number.MAX_SAFE_INTEGER })));
  const kept = needed.flat();
  const keep = new Set(kept.flatMap(({ input }) => blobsOf(input)));
  return {
    resent: await resend({ queue, enqueue }, kept, before(silentMs).toISOString(), now),
    jobs: await jobs.prune(before(retentionMs)),
    blobs: await blobs.prune(before(uploadLifeMs), keep),
  };
}

/**
 * Give open jobs a message whose own was lost: by a process that died between its two steps, or by a queue that moved it
 * to its dead letters. Whose it was no queue tells; it does tell how many it holds. One message too many is harmless.
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
  // A long queue makes jobs wait too: each of them has its message.
  if (waiting + inFlight >= open.size) return 0;
  let resent = 0;
  for (const { id, updatedAt } of silent) {
    let mine = false;
    // Of several that sweep, one sends; whoever dies before it does is followed by the next sweep after this time.
    await enqueue(id, (job) => {
      mine = job !== undefined && !hasEnded(job) && job.updatedAt === updatedAt;
      return job && mine ? { job: { ...job, updatedAt: now.toISOString() }, send: true } : undefined;
    });
    if (mine) resent++;
  }
  return resent;
}
