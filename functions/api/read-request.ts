import { randomUUID } from 'node:crypto';
import type { Fault } from '../core/fault.ts';
import type { Job } from '../core/job.ts';
import { type Annotation, type Reading, withoutMismatch } from '../core/reading.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { declaredType, mediaTypeMismatch, sniff } from '../decode/sniff.ts';
import { submitFilm } from '../jobs/submit.ts';
import type { ReadRequest } from '../routing/request.ts';
import type { Deps } from './deps.ts';
import type { Upload } from './http/body.ts';

/** The answer to one film of a request: its reading, or the job that reads it. */
export type FilmAnswer = { readonly reading: Reading; readonly status: 200 | 201 } | { readonly job: Job };

export type FilmRequest = {
  readonly tenant: string;
  readonly film: Upload;
  readonly request: ReadRequest;
  /** The parameters of the request as text, for a job. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly annotation: Annotation;
  /** Whether to read the film as a job. */
  readonly isAsync: boolean;
  readonly signal: AbortSignal;
};

/** Read one film of a request, unless its reading is stored. The call takes the bytes away from the caller. */
export async function readRequest(
  { router, engine, platform, maxBodyBytes }: Pick<Deps, 'router' | 'engine' | 'platform' | 'maxBodyBytes'>,
  { tenant, film, request, parameters, annotation, isAsync, signal }: FilmRequest,
): Promise<Result<FilmAnswer, Fault>> {
  // The queue may have filled while the body arrived.
  const overload = isAsync ? undefined : engine.overload(tenant);
  if (overload) return fail(overload);
  const id = router.identifyDigest(tenant, film.digest, request);
  const mismatch = mediaTypeMismatch(film.mediaType, sniff(film.bytes));
  const answer = (reading: Reading, status: 200 | 201) => {
    const { warnings, ...rest } = withoutMismatch(reading);
    return ok({ reading: { ...rest, warnings: mismatch ? [mismatch, ...warnings] : warnings }, status });
  };
  const known = await platform.readings.get(tenant, id);
  if (known) return answer(known.reading, 200);
  if (isAsync) {
    const upload = `film ${randomUUID()}`;
    await platform.blobs.put(upload, only(film.bytes), maxBodyBytes, tenant);
    const mediaType = declaredType(film.mediaType) ?? sniff(film.bytes) ?? film.mediaType;
    const input = { kind: 'film' as const, upload, mediaType, parameters: { ...parameters }, ...annotation };
    return ok({ job: await submitFilm(platform, tenant, id, input) });
  }
  const { bytes, mediaType } = film;
  const read = await engine.read({ id, bytes, mediaType, request }, signal, undefined, tenant);
  if (!read.ok) return read;
  const reading = { ...withoutMismatch(read.value.reading), ...annotation };
  // A concurrent request may have been first. All requests are answered with the one reading that is stored.
  const earlier = await platform.readings.put(tenant, { ...read.value, reading });
  return earlier ? answer(earlier.reading, 200) : answer(reading, 201);
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
