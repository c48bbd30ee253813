import { randomUUID } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { ok } from '../../core/result.ts';
import { uploadLifeMs } from '../../jobs/sweep.ts';
import type { Deps } from '../deps.ts';
import { bodyOf, reserving } from '../http/body.ts';
import { accept, Refusal } from '../http/problem.ts';
import { answers } from '../http/responses.ts';

const Upload = z
  .object({
    id: z.string().meta({ description: 'Name it in POST /v1/jobs.', example: 'up_mhx2k1c0_0b6d…' }),
    url: z.string().meta({ description: 'Where the bytes go, relative to the address of this request or absolute.' }),
    method: z.literal('PUT'),
    headers: z.record(z.string(), z.string()).meta({ description: 'Send exactly these.' }),
    expiresAt: z.iso
      .datetime()
      .meta({ description: 'Until then the upload can be sent, and used by any number of jobs.' }),
    limitBytes: z.int(),
  })
  .meta({ id: 'Upload' });

const begin = createRoute({
  method: 'post',
  path: '/v1/uploads',
  summary: 'A place to send a large film to',
  description:
    'Send the bytes of one film to `url` by `method` with `headers`, whatever they are: they differ between installations. Resolve `url` against the address of this request. Add your API key where that leads to this service, and nowhere else: an absolute `url` is signed already. Then name `id` in POST /v1/jobs.',
  request: { query: z.strictObject({}) },
  responses: { 201: { description: 'Where to send it', content: { 'application/json': { schema: Upload } } } },
});

const send = createRoute({
  method: 'put',
  path: '/v1/uploads/{id}',
  summary: 'The bytes of an upload',
  description:
    'What `url` of POST /v1/uploads leads to on a single machine. Sending again replaces what was sent before.',
  request: {
    params: z.object({ id: z.string() }),
    query: z.strictObject({}),
    body: {
      required: true,
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    },
  },
  responses: { 204: { description: 'All of it is kept' }, ...answers(400, 404, 413, 429, 503) },
});

/** How long a place outside of this service can be sent to: a slow line's time for one film, and no more. */
const presignedSeconds = 3600;

/** Its time is a part of the id, so that nothing is kept before the bytes are there. */
const newId = () => `up_${Date.now().toString(36)}_${randomUUID().replaceAll('-', '')}`;

/** When an upload was asked for; undefined for what is not the id of one that can still be used. */
function begunAt(id: string): number | undefined {
  const begun = Number.parseInt(/^up_([0-9a-z]{8,9})_[0-9a-f]{32}$/.exec(id)?.[1] ?? '', 36);
  const age = Date.now() - begun;
  // A clock that was set back makes the age negative: the upload is as good as before.
  return Math.abs(age) < uploadLifeMs ? begun : undefined;
}

/** The blob of a tenant's upload; one that is unknown or has expired is refused. */
export function uploadedBlob(tenant: string, id: string): string {
  if (begunAt(id) === undefined) throw new Refusal({ code: 'upload_not_found', id });
  return JSON.stringify(['upload', tenant, id]);
}

export function uploads(app: OpenAPIHono, { platform: { blobs }, budget, maxUploadBytes }: Deps): void {
  app.openapi(begin, async (c) => {
    const id = newId();
    const given = await blobs.presign?.(uploadedBlob(c.get('tenant'), id), maxUploadBytes, presignedSeconds);
    if (given) {
      const { url, headers, expiresAt } = given;
      const until = expiresAt.toISOString();
      return c.json(
        { ...{ id, url, method: 'PUT' as const, headers, expiresAt: until, limitBytes: maxUploadBytes } },
        201,
      );
    }
    const url = `uploads/${id}`;
    const expiresAt = new Date((begunAt(id) ?? 0) + uploadLifeMs).toISOString();
    const headers = { 'content-type': 'application/octet-stream' };
    return c.json({ id, url, method: 'PUT' as const, headers, expiresAt, limitBytes: maxUploadBytes }, 201);
  });

  app.openapi(send, async (c) => {
    const tenant = c.get('tenant');
    const blob = uploadedBlob(tenant, c.req.valid('param').id);
    const tooLarge = () => new Refusal({ code: 'body_too_large', limitBytes: maxUploadBytes });
    if (Number(c.req.header('content-length')) > maxUploadBytes) throw tooLarge();
    const { full } = budget;
    const sent = await budget.now(tenant, 0, async (lease) =>
      ok(await blobs.put(blob, reserving(bodyOf(c), blobs.heldBytes, { lease, full }), maxUploadBytes, tenant)),
    );
    const put = accept(sent);
    if (!put) throw tooLarge();
    if (put.bytes > 0) return c.body(null, 204);
    await blobs.remove(blob);
    throw new Refusal({ code: 'empty_body' });
  });
}
