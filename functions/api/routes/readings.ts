import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { Reading } from '../../core/reading.ts';
import { ok } from '../../core/result.ts';
import { parseParameters, ReadParameters, textOf } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { declaredBytes, upload } from '../http/body.ts';
import { conditional, etagHeader, IfNoneMatch, notModified } from '../http/caching.ts';
import { accept, Refusal, strict } from '../http/problem.ts';
import { answers } from '../http/responses.ts';

const film = { type: 'string', format: 'binary' } as const;

const create = createRoute({
  method: 'post',
  path: '/v1/readings',
  summary: 'Read a radiograph',
  description:
    'Each finding is read by the cheapest plan of variants whose evidence is good enough for it. The same film and request give the same id, so a retry answers 200 with the stored reading.',
  request: {
    query: ReadParameters,
    body: {
      required: true,
      content: {
        'image/png': { schema: film },
        'image/jpeg': { schema: film },
        'application/dicom': { schema: film },
        'application/octet-stream': { schema: film },
        'multipart/form-data': { schema: { type: 'object', required: ['image'], properties: { image: film } } },
      },
    },
  },
  responses: {
    201: { description: 'A new reading', content: { 'application/json': { schema: Reading } } },
    200: {
      description: 'The same film was read before, with the same request',
      content: { 'application/json': { schema: Reading } },
    },
    ...answers(400, 413, 415, 422, 500, 503, 504),
  },
});

const show = createRoute({
  method: 'get',
  path: '/v1/readings/{id}',
  summary: 'A stored reading',
  request: {
    params: z.object({ id: z.string().meta({ description: 'rd_ and 64 hexadecimal digits' }) }),
    query: z.strictObject({}),
    headers: IfNoneMatch,
  },
  responses: {
    200: { description: 'The reading', content: { 'application/json': { schema: Reading } }, headers: etagHeader },
    ...notModified,
    ...answers(404),
  },
});

export function readings(app: OpenAPIHono, { router, engine, platform, budget, maxBodyBytes }: Deps): void {
  app.openapi(
    create,
    async (c) => {
      const tenant = c.get('tenant');
      const request = accept(parseParameters(textOf(c.req.valid('query')), router.vocabulary));
      const declared = accept(declaredBytes(c, maxBodyBytes));
      const refuseOverload = () => {
        const fault = engine.overload(tenant);
        if (fault) throw new Refusal(fault);
      };
      refuseOverload();
      if (!budget.hasRoom(tenant, declared ?? 0)) throw new Refusal(budget.full());
      const answer = await budget.now<{ reading: Reading; status: 200 | 201 }>(tenant, 0, async (lease) => {
        const film = accept(await upload(c, { declared, limitBytes: maxBodyBytes, lease, full: budget.full }));
        // The queue may have filled while the body arrived. Refuse before the digest is computed.
        refuseOverload();
        const id = await router.identify(tenant, film.bytes, request);
        const known = await platform.readings.get(tenant, id);
        if (known) return ok({ reading: known.reading, status: 200 });
        const read = accept(await engine.read({ id, ...film, request }, c.req.raw.signal, undefined, tenant));
        await platform.readings.put(tenant, read);
        return ok({ reading: read.reading, status: 201 });
      });
      const { reading, status } = accept(answer);
      // Relative to /v1/readings, because a gateway may add a path prefix (RFC 9110 10.2.2).
      return c.json(reading, status, { location: `readings/${reading.id}` });
    },
    strict(ReadParameters),
  );

  app.use('/v1/readings/:id', conditional);
  app.openapi(show, async (c) => {
    const { id } = c.req.valid('param');
    const known = await platform.readings.get(c.get('tenant'), id);
    if (!known) throw new Refusal({ code: 'reading_not_found', id });
    return c.json(known.reading, 200);
  });
}
