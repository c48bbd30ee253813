import type { Platform } from '../platform/platform.ts';
import { blobsOf, type Job, type JobInput } from '../worker/job.ts';
import { jobId } from '../worker/job-id.ts';
import { replay } from '../worker/replay.ts';
import { submit } from '../worker/submit.ts';
import type { Kept } from './stow-instance.ts';

/** A job for every study among the films that were taken: their ids. Once this resolves, all of them will be read. */
export async function submitStudies(
  platform: Pick<Platform, 'jobs' | 'queue' | 'blobs'>,
  tenant: string,
  pacs: string | undefined,
  kept: readonly Kept[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const [studyInstanceUid, films] of Map.groupBy(kept, (film) => film.studyInstanceUid)) {
    // Sent twice in one request, or in another order, it is the same study.
    const unique = [...new Map(films.map((film) => [film.reading, film])).values()];
    const readings = unique.map(({ reading }) => reading).toSorted();
    const id = await jobId({ kind: 'instances', tenant, studyInstanceUid, readings, pacs });
    const instances = unique.map(({ sopInstanceUid, blob }) => ({ sopInstanceUid, blob }));
    const job = await submitted(platform, id, tenant, { kind: 'instances', studyInstanceUid, instances, pacs });
    const needed = blobsOf(job.input);
    await Promise.all(
      films.filter(({ blob }) => !needed.includes(blob)).map(({ blob }) => platform.blobs.remove(blob)),
    );
    ids.push(id);
  }
  return ids;
}

/** The job as it stands. One that was given up is worked on anew: who sends it again still wants it. */
async function submitted(
  platform: Pick<Platform, 'jobs' | 'queue' | 'blobs'>,
  id: string,
  tenant: string,
  input: JobInput,
): Promise<Job> {
  const known = await platform.jobs.get(id);
  if (known?.state !== 'dead' && known?.state !== 'failed') return submit(platform, id, tenant, input);
  const replayed = await replay(platform, id, input);
  await Promise.all(blobsOf(known.input).map((blob) => platform.blobs.remove(blob)));
  return replayed ?? submit(platform, id, tenant, input);
}
