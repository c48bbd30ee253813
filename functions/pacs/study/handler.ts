import { sha256 } from '../../core/digest.ts';
import type { Fault } from '../../core/fault.ts';
import type { Outcome } from '../../core/job.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isUidText } from '../../core/uid.ts';
import type { Engine } from '../../inference/pool.ts';
import type { Router } from '../../inference/router.ts';
import { forEachFilm, outcomeOfStoring } from '../../jobs/for-each-film.ts';
import type { Handler } from '../../jobs/handler.ts';
import { earlierRequest, readOnce } from '../../jobs/read-film.ts';
import type { StoreResults } from '../../jobs/result-sink.ts';
import { isOutage, isTransient } from '../../jobs/retry.ts';
import type { Budget } from '../../platform/memory-budget.ts';
import type { Platform } from '../../storage/platform.ts';
import type { DicomWeb, InstanceUids } from '../dicomweb/client.ts';
import { checkUnchanged, listedInstances } from '../listed-instances.ts';
import type { StudyFilm } from './films.ts';
import { inTurn } from './keyed-mutex.ts';
import { openOutcomes } from './outcomes.ts';
import type { Source } from './source.ts';

export type StudyDeps = {
  readonly sources: ReadonlyMap<string, Source>;
  readonly router: Pick<Router, 'identify'> & { readonly family: Pick<Router['family'], 'digest'> };
  readonly engine: Pick<Engine, 'read' | 'render'>;
  readonly platform: Pick<Platform, 'readings' | 'filmOutcomes'>;
  readonly budget: Pick<Budget, 'inTurn'>;
  readonly storeResults: StoreResults;
  /** Of this software: another one may read what this one refuses. */
  readonly version: string;
};

const mediaType = 'application/dicom';

/**
 * Reads the films of a study in a PACS that have no result there yet, one at a time, and stores their results. A lateral
 * film, or another that is refused, is an outcome, and is not pulled by a later job either; a film that cannot be read now
 * does not hold up the others. A film that was deleted or replaced meanwhile gets no result.
 */
export function studyHandler(deps: StudyDeps): Handler<'study'> {
  const turn = inTurn();
  return async ({ input, tenant, fault: faultBefore }, context) => {
    const { signal } = context;
    const { pacs, studyInstanceUid } = input;
    const source = deps.sources.get(pacs);
    // The PACS may belong to another tenant since the job was submitted.
    if (source?.settings.tenant !== tenant) return fail({ code: 'unknown_pacs', pacs, known: namesOf(deps, tenant) });
    if (!isUidText(studyInstanceUid)) return fail({ code: 'internal' });
    // If a film came late, the study has two jobs. At the same time, both would read what neither has stored yet.
    return turn(`${pacs} ${studyInstanceUid}`, async () => {
      const found = await source.films.ofStudy(studyInstanceUid, signal);
      if (!found.ok) return found;
      const earlier = await openOutcomes(deps, source, pacs, tenant, studyInstanceUid);
      let failedLookup: Fault | undefined;
      const films = found.value.map((film) => ({ ...film, sopInstanceUid: film.place.sopInstanceUid }));
      return forEachFilm(films, context, {
        faultBefore,
        async read(film) {
          const known = await knownOutcome(source, film, earlier.of(film), signal);
          if (!known.ok) {
            failedLookup = known.fault;
            return known;
          }
          if (known.value) return ok(known.value);
          const outcome = await one(deps, source, pacs, tenant, film, signal);
          if (outcome.ok) await earlier.add(film, outcome.value);
          return outcome;
        },
        // A PACS that does not answer or refuses everything, and a full queue, are no better for the next film.
        blocksAll: (fault) => fault === failedLookup || isOutage(fault) || 'retryAfterMs' in fault,
      });
    });
  };
}

const namesOf = ({ sources }: StudyDeps, tenant: string) =>
  [...sources].flatMap(([name, { settings }]) => (settings.tenant === tenant ? [name] : []));

/** What an earlier job made of a film; undefined when there is none, or when the PACS has lost a result since. */
async function knownOutcome(
  { dicomWeb }: Source,
  { place }: StudyFilm,
  earlier: Pick<Outcome, 'refused' | 'stored'> | undefined,
  signal: AbortSignal,
): Promise<Result<Outcome | undefined, Fault>> {
  if (!earlier) return ok(undefined);
  if (earlier.refused) return ok({ refused: earlier.refused });
  const { stored = [] } = earlier;
  const held = await listedInstances(dicomWeb, place, stored, signal);
  if (!held.ok) return held;
  return ok(stored.length > 0 && held.value.length === stored.length ? { stored } : undefined);
}

/** One film: what the PACS holds of it, or why it is not read. */
async function one(
  deps: StudyDeps,
  source: Source,
  pacs: string,
  tenant: string,
  { place, listedAs, detectsReplacement }: StudyFilm,
  signal: AbortSignal,
): Promise<Result<Outcome, Fault>> {
  const { dicomWeb, request, settings } = source;
  // How long a film is shows when it is here: until then room is kept for the longest, as it comes and put together.
  const most = 2 * settings.maxFilmMb * 1_000_000;
  return deps.budget.inTurn<Outcome>(most, signal, async (lease) => {
    const bytes = await dicomWeb.retrieve(place, signal);
    if (!bytes.ok) return isTransient(bytes.fault) ? bytes : ok({ refused: bytes.fault });
    const before = detectsReplacement ? undefined : await sha256(bytes.value);
    // Reading takes the bytes away, and a picture is made of them afterwards.
    const copy = settings.results.includes('sc') ? bytes.value.slice() : new Uint8Array();
    lease.shrink(most - Math.min(most, bytes.value.length + copy.length));
    const asked = await earlierRequest(deps, tenant, bytes.value, request);
    const read = await readOnce(deps, tenant, { bytes: bytes.value, mediaType }, asked, signal);
    if (!read.ok) return isTransient(read.fault) || signal.aborted ? read : ok({ refused: read.fault });
    const picture = () => deps.engine.render({ bytes: copy, mediaType }, signal);
    const unchanged = async () => {
      const listing = await checkUnchanged(source.films, place, listedAs, signal);
      return listing.ok && before !== undefined ? sameFile(dicomWeb, place, before, signal) : listing;
    };
    const stored = await deps.storeResults(pacs, tenant, read.value, picture, unchanged);
    return outcomeOfStoring(read.value.reading.id, stored);
  });
}

/**
 * A fault when a PACS that tells no digest of a file gives another file than before. One that gives yet another file when
 * it is asked again writes each answer anew: its files cannot be compared.
 */
async function sameFile(
  { retrieve }: Pick<DicomWeb, 'retrieve'>,
  place: InstanceUids,
  before: string,
  signal: AbortSignal,
): Promise<Result<void, Fault>> {
  const again = await digestOfFile(retrieve, place, signal);
  if (!again.ok) return again;
  if (again.value === before) return ok(undefined);
  const last = await digestOfFile(retrieve, place, signal);
  if (!last.ok) return last;
  return last.value === again.value ? fail({ code: 'film_replaced' }) : ok(undefined);
}

async function digestOfFile(
  retrieve: DicomWeb['retrieve'],
  place: InstanceUids,
  signal: AbortSignal,
): Promise<Result<string, Fault>> {
  const bytes = await retrieve(place, signal);
  return bytes.ok ? ok(await sha256(bytes.value)) : bytes;
}
