import type { Fault } from '../../core/fault.ts';
import type { JobInput, Outcome } from '../../core/job.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { ReadRequest } from '../../routing/request.ts';
import type { Handler } from '../handler.ts';
import { withFilm } from '../held-film.ts';
import { earlierRequest, readOnce } from '../read-film.ts';
import type { Receivers } from '../result-sink.ts';
import { isTooHeavy, isTransient } from '../retry.ts';
import type { Reader } from './film.ts';

type Instances = Extract<JobInput, { kind: 'instances' }>;

const mediaType = 'application/dicom';

/**
 * Reads the instances of a study that came by STOW-RS and sends each result to the PACS that is configured for them.
 * One that cannot be read now does not hold up the others: it is tried again when they are done.
 */
export const instancesHandler =
  (reader: Reader, receivers: Receivers): Handler<'instances'> =>
  async ({ tenant, input, outcomes: earlier, fault: before }, { progress, signal }) => {
    const total = input.instances.length;
    // What an earlier try came to the end of stays as it is.
    const outcomes = new Map(earlier.map((outcome) => [outcome.sopInstanceUid, outcome]));
    let later: Fault | undefined;
    for (const instance of input.instances) {
      const { sopInstanceUid } = instance;
      if (outcomes.has(sopInstanceUid)) continue;
      const came = await one(reader, receivers, tenant, input, instance, signal);
      const outcome = !came.ok && isTooHeavy(came.fault, before) ? ok<Outcome>({ refused: came.fault }) : came;
      if (outcome.ok) {
        outcomes.set(sopInstanceUid, { sopInstanceUid, ...outcome.value });
        await progress(outcomes.size, total, [...outcomes.values()]);
      } else if (isTransient(outcome.fault) && !signal.aborted && !('retryAfterMs' in outcome.fault)) {
        later ??= outcome.fault;
      } else return outcome;
    }
    return later ? fail(later) : ok([...outcomes.values()]);
  };

/** One film: its reading and what the PACS holds of it, or why it is not read. */
async function one(
  reader: Reader,
  { requestOf, deliver, watchFilm }: Receivers,
  tenant: string,
  { pacs, studyInstanceUid }: Instances,
  { blob, sopInstanceUid }: Instances['instances'][number],
  signal: AbortSignal,
): Promise<Result<Outcome, Fault>> {
  const request = requestFor(reader, pacs === undefined ? undefined : requestOf(pacs));
  if (!request.ok) return request;
  // A film that the PACS holds too may be deleted or replaced there meanwhile.
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
  // Reading has taken the bytes away.
  const picture = () => withFilm(reader, blob, signal, (bytes) => reader.engine.render({ bytes, mediaType }, signal));
  const stored = await deliver(pacs, tenant, read.value, picture, unchanged);
  if (!stored.ok && stored.fault.code === 'film_gone') return ok({ reading: id, refused: stored.fault });
  return stored.ok ? ok({ reading: id, stored: [...stored.value] }) : stored;
}

/** As the PACS that gets the results has its films read, so that one which comes by two ways gets one result. */
const requestFor = ({ router }: Reader, ofPacs: ReadRequest | undefined): Result<ReadRequest, Fault> =>
  ofPacs ? ok(ofPacs) : parseParameters({}, router.vocabulary);
