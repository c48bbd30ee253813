import { ok } from '../../core/result.ts';
import type { Engine } from '../../inference/pool.ts';
import type { Router } from '../../inference/router.ts';
import type { Budget } from '../../platform/memory-budget.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { Platform } from '../../storage/platform.ts';
import type { Handler } from '../handler.ts';
import { withFilm } from '../held-film.ts';
import { readOnce } from '../read-film.ts';

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
