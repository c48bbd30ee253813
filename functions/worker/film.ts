import type { Engine } from '../engine/engine.ts';
import type { Router } from '../engine/open.ts';
import { parseParameters } from '../pipeline/parameters.ts';
import { fail, ok } from '../pipeline/result.ts';
import type { Platform } from '../platform/platform.ts';
import type { Handler } from './handler.ts';

/** What reads films: the engine, and the stores they come from and their readings go to. */
export type Reader = {
  readonly router: Pick<Router, 'identify' | 'vocabulary'>;
  readonly engine: Pick<Engine, 'read'>;
  readonly platform: Pick<Platform, 'blobs' | 'readings'>;
};

/** Reads one uploaded film, unless the same film was read under the same request before. */
export const filmHandler =
  ({ router, engine, platform: { blobs, readings } }: Reader): Handler<'film'> =>
  async ({ tenant, input }, { signal }) => {
    const request = parseParameters(input.parameters, router.vocabulary);
    if (!request.ok) return request;
    const bytes = await blobs.get(input.upload);
    if (!bytes) return fail({ code: 'upload_not_found', id: input.upload });
    const id = await router.identify(tenant, bytes, request.value);
    if (await readings.get(tenant, id)) return ok([{ reading: id }]);
    const read = await engine.read({ id, bytes, mediaType: input.mediaType, request: request.value }, signal);
    if (!read.ok) return read;
    await readings.put(tenant, read.value);
    return ok([{ reading: id }]);
  };
