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
import { openOutcomes } from './outcomes.ts';
import type { Source } from './source.ts';

export type StudyDeps = {
  readonly sources: ReadonlyMap<string, Source>;
  readonly router: Pick<Router, 'identify'> & { readonly family: Pick<Router['family'], 'digest'> };
  readonly engine: Pick<Engine, 'read' | 'render'>;
  readonly platform: Pick<Platform, 'readings' | 'filmOutcomes'>;
  readonly budget: Pick<Budget, 'runInTurn'>;
  readonly storeResults: StoreResults;
  /** Version of this software. Another version may read films that this version refuses. */
  readonly version: string;
};

const mediaType = 'application/dicom';

/**
 * Reads the films of a study that have no result in the PACS, one at a time, and stores their results. A refusal, for example
 * of a lateral film, is a final outcome, so a later job does not download that film again. A film that cannot be read now does
 * not block the others. A film that was deleted or replaced during the job gets no result.
 */
export function studyHandler(deps: StudyDeps): Handler<'study'> {
  const lock = createKeyedMutex();
  return async ({ input, tenant, fault: faultBefore }, context) => {
    const { signal } = context;
    const { pacs, studyInstanceUid } = input;
    const source = deps.sources.get(pacs);
    // The tenant of the PACS may have changed after the job was submitted.
    if (source?.settings.tenant !== tenant) return fail({ code: 'unknown_pacs', pacs, known: namesOf(deps, tenant) });
    if (!isUidText(studyInstanceUid)) return fail({ code: 'internal' });
    // A late film gives a study a second job. Concurrent jobs would read the same films twice, so they run one after the other.
    return lock(`${pacs} ${studyInstanceUid}`, async () => {
      const found = await source.films.ofStudy(studyInstanceUid, signal);
      if (!found.ok) return found;
      const earlier = await openOutcomes(deps, source, pacs, tenant, studyInstanceUid);
      let failedLookup: Fault | undefined;
      const films = found.value.map((film) => ({ ...film, sopInstanceUid: film.uids.sopInstanceUid }));
      return forEachFilm(films, context, {
        faultBefore,
        async read(film) {
          const known = await knownOutcome(source, film, earlier.of(film), signal);
          if (!known.ok) {
            failedLookup = known.fault;
            return known;
          }
          if (known.value) return ok(known.value);
          const outcome = await readFilm(deps, source, pacs, tenant, film, signal);
          if (outcome.ok) await earlier.add(film, outcome.value);
          return outcome;
        },
        // If the PACS is unavailable or refuses all requests, or if the queue is full, the next film would fail as well.
        blocksAll: (fault) => fault === failedLookup || isOutage(fault) || 'retryAfterMs' in fault,
      });
    });
  };
}

const namesOf = ({ sources }: StudyDeps, tenant: string) =>
  [...sources].flatMap(([name, { settings }]) => (settings.tenant === tenant ? [name] : []));

/** The outcome of a film in an earlier job. Undefined if there is none, or if the PACS no longer has a result. */
async function knownOutcome(
  { dicomWeb }: Source,
  { uids }: StudyFilm,
  earlier: Pick<Outcome, 'refused' | 'stored'> | undefined,
  signal: AbortSignal,
): Promise<Result<Outcome | undefined, Fault>> {
  if (!earlier) return ok(undefined);
  if (earlier.refused) return ok({ refused: earlier.refused });
  const { stored = [] } = earlier;
  const listed = await listedInstances(dicomWeb, uids, stored, signal);
  if (!listed.ok) return listed;
  return ok(stored.length > 0 && listed.value.length === stored.length ? { stored } : undefined);
}

/** Download and read one film, and store its results. The outcome is the stored results or the refusal. */
async function readFilm(
  deps: StudyDeps,
  source: Source,
  pacs: string,
  tenant: string,
  { uids, listedAs, detectsReplacement }: StudyFilm,
  signal: AbortSignal,
): Promise<Result<Outcome, Fault>> {
  const { dicomWeb, request, settings } = source;
  // The size of a film is unknown before the download. The chunks and the joined copy coexist, so reserve twice the maximum size.
  const maxBytes = 2 * settings.maxFilmMb * 1_000_000;
  return deps.budget.runInTurn<Outcome>(maxBytes, signal, async (lease) => {
    const bytes = await dicomWeb.retrieve(uids, signal);
    if (!bytes.ok) return isTransient(bytes.fault) ? bytes : ok({ refused: bytes.fault });
    const digestBefore = detectsReplacement ? undefined : await sha256(bytes.value);
    // Reading transfers the bytes to a thread, so the later rendering of the picture needs a copy.
    const copy = settings.results.includes('sc') ? bytes.value.slice() : new Uint8Array();
    lease.shrink(maxBytes - Math.min(maxBytes, bytes.value.length + copy.length));
    const filmRequest = await earlierRequest(deps, tenant, bytes.value, request);
    const read = await readOnce(deps, tenant, { bytes: bytes.value, mediaType }, filmRequest, signal);
    if (!read.ok) return isTransient(read.fault) || signal.aborted ? read : ok({ refused: read.fault });
    const render = () => deps.engine.render({ bytes: copy, mediaType }, signal);
    const verifyUnchanged = async () => {
      const listing = await checkUnchanged(source.films, uids, listedAs, signal);
      return listing.ok && digestBefore !== undefined ? sameFile(dicomWeb, uids, digestBefore, signal) : listing;
    };
    const stored = await deps.storeResults(pacs, tenant, read.value, render, verifyUnchanged);
    return outcomeOfStoring(read.value.reading.id, stored);
  });
}

/**
 * Fails if a PACS without file digests now sends another file for a film. Some PACS write each response anew, so two downloads
 * always differ. A third download that differs from the second shows such a PACS. Its files cannot be compared, so the check
 * passes.
 */
async function sameFile(
  { retrieve }: Pick<DicomWeb, 'retrieve'>,
  uids: InstanceUids,
  digestBefore: string,
  signal: AbortSignal,
): Promise<Result<void, Fault>> {
  const digestAfter = await digestOfFile(retrieve, uids, signal);
  if (!digestAfter.ok) return digestAfter;
  if (digestAfter.value === digestBefore) return ok(undefined);
  const digestLast = await digestOfFile(retrieve, uids, signal);
  if (!digestLast.ok) return digestLast;
  return digestLast.value === digestAfter.value ? fail({ code: 'film_replaced' }) : ok(undefined);
}

async function digestOfFile(
  retrieve: DicomWeb['retrieve'],
  uids: InstanceUids,
  signal: AbortSignal,
): Promise<Result<string, Fault>> {
  const bytes = await retrieve(uids, signal);
  return bytes.ok ? ok(await sha256(bytes.value)) : bytes;
}

/** Runs tasks with the same key one after the other, in the order of the calls. Tasks with other keys run concurrently. */
function createKeyedMutex() {
  const last = new Map<string, Promise<unknown>>();
  return async <Value>(key: string, task: () => Promise<Value>): Promise<Value> => {
    const previous = last.get(key);
    const current = (async () => {
      await previous?.catch(() => undefined);
      return task();
    })();
    last.set(key, current);
    try {
      return await current;
    } finally {
      if (last.get(key) === current) last.delete(key);
    }
  };
}
