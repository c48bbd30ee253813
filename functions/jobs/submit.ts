import { blobsOf, hasEnded, type Job, type JobInput, jobId } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';

type JobSender = Pick<Platform, 'enqueue'>;

/**
 * Accept a job durably: once this resolves, the job will run even if this process dies. The same id may be submitted
 * again. A job that has ended stays as it is. An open job is queued once more, in case its first message was lost.
 */
export async function submit({ enqueue }: JobSender, id: string, tenant: string, input: JobInput): Promise<Job> {
  const now = new Date().toISOString();
  const job: Job = {
    id,
    tenant,
    input,
    state: 'queued',
    attempts: 0,
    progress: { done: 0, total: input.kind === 'instances' ? input.instances.length : 1 },
    outcomes: [],
    createdAt: now,
    updatedAt: now,
  };
  return (await enqueue(id, (known = job) => ({ job: known, send: !hasEnded(known) }))) ?? job;
}

/**
 * Run a job again that was given up, cancelled or failed, with all its attempts. Undefined where there is no such job. Jobs in other
 * states stay as they are. The call may be repeated: a queued job is queued once more, in case its message was lost.
 *
 * A new `input` replaces the old one, whose films are usually deleted. With it, a job that was done runs again as well.
 */
export async function replay({ enqueue }: JobSender, id: string, input?: JobInput): Promise<Job | undefined> {
  const isReplayed = ({ state }: Job) =>
    ['dead', 'failed', 'cancelled'].includes(state) || (state === 'done' && input !== undefined);
  const replayed = (job: Job): Job => ({
    ...job,
    ...(input && { input, outcomes: [], progress: { done: 0, total: job.progress.total } }),
    state: 'queued',
    attempts: 0,
    // A runner that still works on the earlier try must not end this one.
    run: undefined,
    fault: undefined,
    busySince: undefined,
    updatedAt: new Date().toISOString(),
  });
  return enqueue(id, (known) => {
    if (known && isReplayed(known)) return { job: replayed(known), send: true };
    return known?.state === 'queued' ? { job: known, send: true } : undefined;
  });
}

/** Whether the films of a job are still stored. The films of a failed job are deleted when it fails. */
export async function isReplayable({ blobs }: Pick<Platform, 'blobs'>, { input }: Job): Promise<boolean> {
  for (const blob of blobsOf(input)) if (!(await blobs.has(blob))) return false;
  return true;
}

/**
 * Submit a film that is stored as a blob. The same film and request give the same job. A job that failed, was given up or was
 * cancelled is tried again with this film, and so is a job whose reading was deleted. Blobs that the job does not need are deleted. `reading`: the id of its reading.
 */
export async function submitFilm(
  platform: Pick<Platform, 'jobs' | 'enqueue' | 'blobs' | 'readings'>,
  tenant: string,
  reading: string,
  input: Extract<JobInput, { kind: 'film' }>,
): Promise<Job> {
  const { mediaType, webhook } = input;
  const id = await jobId({ kind: 'film', reading, mediaType, webhook });
  const known = await platform.jobs.get(id);
  const isDone = known?.state === 'done' && (await platform.readings.get(tenant, reading)) !== undefined;
  const again = known && hasEnded(known) && !isDone ? await replay(platform, id, input) : undefined;
  const job = again ?? (await submit(platform, id, tenant, input));
  const held = [...blobsOf(input), ...(known ? blobsOf(known.input) : [])];
  const needed = blobsOf(job.input);
  await Promise.all(held.filter((blob) => !needed.includes(blob)).map((blob) => platform.blobs.remove(blob)));
  return job;
}
