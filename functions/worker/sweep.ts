import type { Platform } from '../platform/platform.ts';
import { blobsOf } from './job.ts';

/** How long an upload is kept, and whatever else no job came to need. */
export const uploadLifeMs = 24 * 3600 * 1000;

/** Forget finished jobs after their retention, and films that no job needs after a day. */
export async function sweep(
  { jobs, blobs }: Pick<Platform, 'jobs' | 'blobs'>,
  retentionMs: number,
  now: Date = new Date(),
): Promise<{ readonly jobs: number; readonly blobs: number }> {
  const before = (ms: number) => new Date(now.getTime() - ms);
  // Queued is asked twice: a job may change from one to the other between two answers.
  const states = ['queued', 'running', 'queued', 'dead'] as const;
  const needed = await Promise.all(states.map((state) => jobs.list({ state, limit: Number.MAX_SAFE_INTEGER })));
  const keep = new Set(needed.flat().flatMap(({ input }) => blobsOf(input)));
  return { jobs: await jobs.prune(before(retentionMs)), blobs: await blobs.prune(before(uploadLifeMs), keep) };
}
