import type { Fault } from '../core/fault.ts';
import { type Annotation, withoutMismatch } from '../core/reading.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Engine } from '../inference/pool.ts';
import type { Router } from '../inference/router.ts';
import type { Budget } from '../platform/memory-budget.ts';
import type { FilmReading } from '../reading/read.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Platform } from '../storage/platform.ts';

/** What reads the films of jobs: the engine, the store of films, and the store of readings. */
export type FilmReader = {
  readonly router: Pick<Router, 'identify' | 'vocabulary'>;
  readonly engine: Pick<Engine, 'read' | 'render'>;
  readonly platform: Pick<Platform, 'blobs' | 'readings'>;
  readonly budget: Pick<Budget, 'runInTurn'>;
};

/** What {@link readOnce} needs of a {@link FilmReader}. */
export type ReadingSource = {
  readonly router: Pick<Router, 'identify'>;
  readonly engine: Pick<Engine, 'read'>;
  readonly platform: Pick<Platform, 'readings'>;
};

export type JobFilm = { readonly bytes: Uint8Array<ArrayBuffer>; readonly mediaType: string };

/** Load the film of a blob once the memory budget has room for it, and work on it. */
export async function withFilm<Value>(
  { platform: { blobs }, budget }: Pick<FilmReader, 'platform' | 'budget'>,
  blob: string,
  signal: AbortSignal,
  work: (bytes: Uint8Array<ArrayBuffer>) => Promise<Result<Value, Fault>>,
): Promise<Result<Value, Fault>> {
  const notFound = fail<Fault>({ code: 'upload_not_found', id: blob });
  const size = await blobs.size(blob);
  if (size === undefined) return notFound;
  return budget.runInTurn(size, signal, async () => {
    const bytes = await blobs.get(blob);
    return bytes ? work(bytes) : notFound;
  });
}

/** Read a film and store its reading, unless an earlier attempt did. The call takes the bytes away from the caller. */
export async function readOnce(
  { router, engine, platform: { readings } }: ReadingSource,
  tenant: string,
  film: JobFilm,
  request: ReadRequest,
  signal: AbortSignal,
  annotation: Annotation = {},
): Promise<Result<FilmReading, Fault>> {
  const id = await router.identify(tenant, film.bytes, request);
  const known = await readings.get(tenant, id);
  if (known) return ok(known);
  const read = await engine.read({ id, ...film, request }, signal, undefined, tenant);
  if (!read.ok) return read;
  const annotated = { ...read.value, reading: { ...withoutMismatch(read.value.reading), ...annotation } };
  return ok((await readings.put(tenant, annotated)) ?? annotated);
}

/**
 * The request under which an earlier version read this film for a PACS, or else `request`. Earlier versions asked for no
 * heat maps and stored no digest of the film. Their readings are used again, because the PACS has their results under
 * UIDs that are derived from them.
 */
export async function earlierRequest(
  { router, platform: { readings } }: Pick<ReadingSource, 'router' | 'platform'>,
  tenant: string,
  bytes: Uint8Array<ArrayBuffer>,
  request: ReadRequest,
): Promise<ReadRequest> {
  if (!request.explain) return request;
  const plain = { ...request, explain: false };
  const known = await readings.get(tenant, await router.identify(tenant, bytes, plain));
  return known && known.reading.film.digest === undefined ? plain : request;
}
