import { blobsOf, hasEnded, type Job, type JobInput, jobId } from '../../core/job.ts';
import { replay, submit } from '../../jobs/submit.ts';
import type { StowTarget } from '../../pacs/connections.ts';
import type { Platform } from '../../storage/platform.ts';
import type { StoredFilm } from './receive.ts';

/** Submit one job per study of the accepted films, and return the job ids. Once this resolves, the jobs are stored and will run. */
export async function submitStudies(
  platform: Pick<Platform, 'jobs' | 'enqueue' | 'blobs'>,
  tenant: string,
  to: Pick<StowTarget, 'pacs' | 'requestDigest'> | undefined,
  accepted: readonly StoredFilm[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const [studyInstanceUid, films] of Map.groupBy(accepted, (film) => film.studyInstanceUid)) {
    // The same films give the same job id, in any order and with repeats.
    const unique = [...new Map(films.map((film) => [film.reading, film])).values()];
    const readings = unique.map(({ reading }) => reading).toSorted();
    const id = await jobId({
      kind: 'instances',
      tenant,
      studyInstanceUid,
      readings,
      pacs: to?.pacs,
      requestDigest: to?.requestDigest,
    });
    const instances = unique.map(({ sopInstanceUid, blob }) => ({ sopInstanceUid, blob }));
    const input: JobInput = { kind: 'instances', studyInstanceUid, instances, pacs: to?.pacs };
    const job = await submitted(platform, id, tenant, input);
    const needed = blobsOf(job.input);
    await Promise.all(
      films.filter(({ blob }) => !needed.includes(blob)).map(({ blob }) => platform.blobs.remove(blob)),
    );
    ids.push(id);
  }
  return ids;
}

/**
 * The job of an id. A failed or dead job runs again, because its sender still wants it. A finished job with a PACS runs again too,
 * because the PACS may have lost the results: the runner asks the PACS first and sends only missing results.
 */
async function submitted(
  platform: Pick<Platform, 'jobs' | 'enqueue' | 'blobs'>,
  id: string,
  tenant: string,
  input: JobInput,
): Promise<Job> {
  const known = await platform.jobs.get(id);
  const isDone = known?.state === 'done' && !('pacs' in known.input && known.input.pacs !== undefined);
  if (!known || !hasEnded(known) || isDone) return submit(platform, id, tenant, input);
  const replayed = await replay(platform, id, input);
  await Promise.all(blobsOf(known.input).map((blob) => platform.blobs.remove(blob)));
  return replayed ?? submit(platform, id, tenant, input);
}
