import type { Fault } from '../../core/fault.ts';
import type { JobInput, Outcome } from '../../core/job.ts';
import { ok, type Result } from '../../core/result.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { ReadRequest } from '../../routing/request.ts';
import { forEachFilm, outcomeOfStoring } from '../for-each-film.ts';
import type { Handler } from '../handler.ts';
import { earlierRequest, type FilmReader, readOnce, withFilm } from '../read-film.ts';
import type { ResultSink } from '../result-sink.ts';
import { isTransient } from '../retry.ts';

type Instances = Extract<JobInput, { kind: 'instances' }>;

const mediaType = 'application/dicom';

/** Reads the instances of a study that came by STOW-RS, and sends the results to the PACS that is configured for them. */
export const instancesHandler =
  (reader: FilmReader, sink: ResultSink): Handler<'instances'> =>
  ({ tenant, input, outcomes, fault }, context) =>
    forEachFilm(input.instances, context, {
      earlier: outcomes,
      faultBefore: fault,
      read: (instance) => readInstance(reader, sink, tenant, input, instance, context.signal),
      blocksAll: (fault) => !isTransient(fault) || 'retryAfterMs' in fault,
    });

/** Read one instance: its reading and the results that the PACS holds, or why it is refused. */
async function readInstance(
  reader: FilmReader,
  { requestOf, storeResults, watchFilm }: ResultSink,
  tenant: string,
  { pacs, studyInstanceUid }: Instances,
  { blob, sopInstanceUid }: Instances['instances'][number],
  signal: AbortSignal,
): Promise<Result<Outcome, Fault>> {
  const request = requestFor(reader, pacs === undefined ? undefined : requestOf(pacs));
  if (!request.ok) return request;
  // If the PACS has this film too, it may delete or replace the film meanwhile.
  const unchanged =
    pacs === undefined ? undefined : await watchFilm?.(pacs, { studyInstanceUid, sopInstanceUid }, signal);
  const read = await withFilm(reader, blob, signal, async (bytes) => {
    const asked = await earlierRequest(reader, tenant, bytes, request.value);
    return readOnce(reader, tenant, { bytes, mediaType }, asked, signal);
  });
  if (!read.ok) {
    const isOfFilm = !isTransient(read.fault) && !signal.aborted && read.fault.code !== 'upload_not_found';
    return isOfFilm ? ok({ refused: read.fault }) : read;
  }
  const { id } = read.value.reading;
  if (pacs === undefined) return ok({ reading: id });
  // Loaded again, because reading has taken the bytes away.
  const picture = () => withFilm(reader, blob, signal, (bytes) => reader.engine.render({ bytes, mediaType }, signal));
  return outcomeOfStoring(id, await storeResults(pacs, tenant, read.value, picture, unchanged));
}

/** The request of the PACS that receives the results. A film that arrives by STOW-RS and from the PACS gets one result. */
const requestFor = ({ router }: FilmReader, ofPacs: ReadRequest | undefined): Result<ReadRequest, Fault> =>
  ofPacs ? ok(ofPacs) : parseParameters({}, router.vocabulary);
