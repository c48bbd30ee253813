import { blobsOf, hasEnded, type Job, type JobInput, jobId } from '../core/job.ts';
import type { Platform } from '../storage/platform.ts';
import { replay, submit } from './submit.ts';

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
