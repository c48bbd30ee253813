import type { Engine } from '../engine/engine.ts';
import type { Router } from '../engine/open.ts';
import { parseParameters } from '../pipeline/parameters.ts';
import { ok } from '../pipeline/result.ts';
import type { Budget } from '../platform/budget.ts';
import type { Platform } from '../platform/platform.ts';
import type { Handler } from './handler.ts';
import { withFilm } from './held-film.ts';
import { readOnce } from './read-once.ts';

/** What reads films: the engine, and the stores they come from and their readings go to. */
export type Reader = {
  readonly router: Pick<Router, 'identify' | 'vocabulary'>;
  readonly engine: Pick<Engine, 'read' | 'render'>;
  readonly platform: Pick<Platform, 'blobs' | 'readings'>;
  readonly budget: Pick<Budget, 'inTurn'>;
};

/** Reads one uploaded film, unless the same film was read under the same request before. */
export const filmHandler =
  (reader: Reader): Handler<'film'> =>
  async ({ tenant, input: { upload, mediaType, parameters } }, { signal }) => {
    const request = parseParameters(parameters, reader.router.vocabulary);
    if (!request.ok) return request;
    const read = await withFilm(reader, upload, signal, (bytes) =>
      readOnce(reader, tenant, { bytes, mediaType }, request.value, signal),
    );
    return read.ok ? ok([{ reading: read.value.reading.id }]) : read;
  };
