import { hasEnded, type Job, type JobInput } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';

/**
 * Take on a job durably: once this resolves it will be worked on, whatever dies. Submitting an id again is safe: a
 * finished job stays finished, an unfinished one is queued once more in case its first message was lost.
 */
export async function submit(
  { enqueue }: Pick<Platform, 'enqueue'>,
  id: string,
  tenant: string,
  input: JobInput,
): Promise<Job> {
  const now = new Date().toISOString();
  const total = input.kind === 'instances' ? input.instances.length : 1;
  const job: Job = {
    ...{ id, tenant, input, state: 'queued', attempts: 0, progress: { done: 0, total }, outcomes: [] },
    ...{ createdAt: now, updatedAt: now },
  };
  return (await enqueue(id, (known = job) => ({ job: known, send: !hasEnded(known) }))) ?? job;
}
