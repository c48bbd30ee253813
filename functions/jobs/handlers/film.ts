import { annotationOf } from '../../core/reading.ts';
import { ok } from '../../core/result.ts';
import { parseParameters } from '../../routing/parameters.ts';
import type { Handler } from '../handler.ts';
import { type FilmReader, readOnce, withFilm } from '../read-film.ts';

/** Reads one uploaded film, unless the same film was read under the same request before. */
export const filmHandler =
  (reader: FilmReader): Handler<'film'> =>
  async ({ tenant, input }, { signal }) => {
    const { upload, mediaType, parameters } = input;
    const request = parseParameters(parameters, reader.router.vocabulary);
    if (!request.ok) return request;
    const read = await withFilm(reader, upload, signal, (bytes) =>
      readOnce(reader, tenant, { bytes, mediaType }, request.value, signal, annotationOf(input)),
    );
    return read.ok ? ok([{ reading: read.value.reading.id }]) : read;
  };
