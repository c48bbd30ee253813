import type { Fault } from '../core/fault.ts';
import { ok, type Result } from '../core/result.ts';
import type { Engine } from '../inference/pool.ts';
import type { Router } from '../inference/router.ts';
import type { Read } from '../reading/read.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Platform } from '../storage/platform.ts';

/** What reads a film for a job. */
export type FilmReader = {
  readonly router: Pick<Router, 'identify'>;
  readonly engine: Pick<Engine, 'read'>;
  readonly platform: Pick<Platform, 'readings'>;
};

export type JobFilm = { readonly bytes: Uint8Array<ArrayBuffer>; readonly mediaType: string };

/**
 * The request under which an earlier version read a film for a PACS, where it did: it asked for no heat maps, and kept no
 * digest of the film. Its reading is used again, because the results that the PACS has of it have its UIDs.
 */
export async function earlierRequest(
  { router, platform: { readings } }: Pick<FilmReader, 'router' | 'platform'>,
  tenant: string,
  bytes: Uint8Array<ArrayBuffer>,
  request: ReadRequest,
): Promise<ReadRequest> {
  if (!request.explain) return request;
  const plain = { ...request, explain: false };
  const known = await readings.get(tenant, await router.identify(tenant, bytes, plain));
  return known && known.reading.film.digest === undefined ? plain : request;
}

/** Read a film and keep its reading, unless an earlier try has. Takes the bytes away. */
export async function readOnce(
  { router, engine, platform: { readings } }: FilmReader,
  tenant: string,
  film: JobFilm,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<Result<Read, Fault>> {
  const id = await router.identify(tenant, film.bytes, request);
  const known = await readings.get(tenant, id);
  if (known) return ok(known);
  const read = await engine.read({ id, ...film, request }, signal, undefined, tenant);
  if (read.ok) await readings.put(tenant, read.value);
  return read;
}
