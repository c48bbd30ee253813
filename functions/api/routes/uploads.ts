import { createHash, randomUUID } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { ok } from '../../core/result.ts';
import { formatBytes } from '../../decode/sniff.ts';
import { uploadLifetimeMs } from '../../jobs/sweep.ts';
import type { Blobs } from '../../storage/blobs.ts';
import type { Deps } from '../deps.ts';
import { bodyOf, reserveOnArrival } from '../http/body.ts';
import { Refusal, unwrap } from '../http/problem.ts';
import { problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

const Upload = z
  .object({
    id: z.string().meta({ description: 'The id for POST /v1/jobs.', example: 'up_mhx2k1c0_0b6d…' }),
    url: z
      .string()
      .meta({ description: 'The address for the bytes, absolute or relative to the address of this request.' }),
    method: z.literal('PUT').meta({ description: 'The method that sends the bytes.' }),
    headers: z.record(z.string(), z.string()).meta({ description: 'The headers of the upload. Send exactly these.' }),
    expiresAt: z.iso.datetime().meta({ description: 'Until this time the upload can be sent and used by jobs.' }),
    limitBytes: z.int().meta({ description: 'The most bytes of the upload.', example: 268_435_456 }),
  })
  .meta({ id: 'Upload', description: 'Where and how to send the bytes of one film.' });

const begin = createRoute({
  method: 'post',
  path: '/v1/uploads',
  operationId: 'createUpload',
  tags: [tagNames.jobs],
  summary: 'Begin the upload of a large film',
  description:
    'The answer says how to send the bytes of one film: with `method`, to `url`, with exactly `headers`. Take all three from the answer, because they depend on the installation. If `url` is relative, resolve it against the address of this request and add your API key. If `url` is absolute, it is signed: do not send your API key to it. Then pass `id` to POST /v1/jobs. Several jobs may use one upload. The upload is kept for a day after this request, also when its jobs have ended or were cancelled. DELETE /v1/uploads/{id} deletes it earlier.',
  request: { query: z.strictObject({}) },
  responses: { 201: { description: 'The address for the bytes', content: { 'application/json': { schema: Upload } } } },
});

const send = createRoute({
  method: 'put',
  path: '/v1/uploads/{id}',
  operationId: 'sendUpload',
  tags: [tagNames.jobs],
  summary: 'The bytes of an upload',
  description:
    'The address that `url` of POST /v1/uploads gives on a single machine. A second request replaces the bytes of the first.',
  request: {
    params: z.object({ id: z.string().meta({ description: 'The id that POST /v1/uploads gave.' }) }),
    query: z.strictObject({}),
    body: {
      required: true,
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    },
  },
  responses: {
    204: { description: 'The upload is stored' },
    ...problemResponses('empty_body', 'upload_not_found', 'quota_exceeded', 'queue_full'),
  },
});

const discard = createRoute({
  method: 'delete',
  path: '/v1/uploads/{id}',
  operationId: 'deleteUpload',
  tags: [tagNames.jobs],
  summary: 'Delete an upload',
  description:
    'Deletes the bytes of an upload, which frees their space in the quota of the tenant. Jobs that were made with the upload continue, because each job has its own copy of the film. Without this request the service deletes the upload after `expiresAt`.',
  request: {
    params: z.object({ id: z.string().meta({ description: 'The id that POST /v1/uploads gave.' }) }),
    query: z.strictObject({}),
  },
  responses: { 204: { description: 'The upload is deleted' }, ...problemResponses('upload_not_found') },
});

/** Lifetime of a presigned URL: enough to upload one film over a slow connection. */
const presignedSeconds = 3600;

/** The id contains its creation time, so nothing needs to be stored before the bytes arrive. */
const newId = () => `up_${Date.now().toString(36)}_${randomUUID().replaceAll('-', '')}`;

/** The creation time in an upload id, in milliseconds; undefined if the id is malformed or has expired. */
function createdAt(id: string): number | undefined {
  const created = Number.parseInt(/^up_([0-9a-z]{8,9})_[0-9a-f]{32}$/.exec(id)?.[1] ?? '', 36);
  const age = Date.now() - created;
  // The age is negative if the clock was set back. Such an upload can still be used.
  return Math.abs(age) < uploadLifetimeMs ? created : undefined;
}

/** The blob of a tenant's upload. A malformed or expired id is refused. */
export function uploadedBlob(tenant: string, id: string): string {
  if (createdAt(id) === undefined) throw new Refusal({ code: 'upload_not_found', id });
  return JSON.stringify(['upload', tenant, id]);
}

export function uploads(app: OpenAPIHono, { platform: { blobs }, budget, maxUploadBytes }: Deps): void {
  app.openapi(begin, async (c) => {
    const id = newId();
    const presigned = await blobs.presign?.(uploadedBlob(c.get('tenant'), id), maxUploadBytes, presignedSeconds);
    if (presigned) {
      const { url, headers } = presigned;
      const expiresAt = presigned.expiresAt.toISOString();
      return c.json({ id, url, method: 'PUT' as const, headers, expiresAt, limitBytes: maxUploadBytes }, 201);
    }
    const url = `uploads/${id}`;
    const expiresAt = new Date((createdAt(id) ?? 0) + uploadLifetimeMs).toISOString();
    const headers = { 'content-type': 'application/octet-stream' };
    return c.json({ id, url, method: 'PUT' as const, headers, expiresAt, limitBytes: maxUploadBytes }, 201);
  });

  app.openapi(send, async (c) => {
    const tenant = c.get('tenant');
    const blob = uploadedBlob(tenant, c.req.valid('param').id);
    const tooLarge = () => new Refusal({ code: 'body_too_large', limitBytes: maxUploadBytes });
    if (Number(c.req.header('content-length')) > maxUploadBytes) throw tooLarge();
    const { queueFull } = budget;
    const stored = await budget.runNow(tenant, 0, async (lease) =>
      ok(
        await blobs.put(
          blob,
          reserveOnArrival(bodyOf(c), blobs.heldBytes, { lease, queueFull }),
          maxUploadBytes,
          tenant,
        ),
      ),
    );
    const put = unwrap(stored);
    if (!put) throw tooLarge();
    if (put.bytes > 0) return c.body(null, 204);
    await blobs.remove(blob);
    throw new Refusal({ code: 'empty_body' });
  });

  app.openapi(discard, async (c) => {
    const { id } = c.req.valid('param');
    const blob = uploadedBlob(c.get('tenant'), id);
    if (!(await blobs.has(blob))) throw new Refusal({ code: 'upload_not_found', id });
    await blobs.remove(blob);
    return c.body(null, 204);
  });
}

type Copied = {
  readonly blob: string;
  /** SHA-256, in hexadecimal. */
  readonly digest: string;
  /** The first bytes, enough to tell the format. */
  readonly start: Uint8Array;
};

/** Copy an upload under a new id and hash it while it is copied; undefined if the upload does not exist. */
export async function copyUpload(
  blobs: Blobs,
  from: string,
  limitBytes: number,
  tenant: string,
): Promise<Copied | undefined> {
  const blob = `film ${randomUUID()}`;
  const hash = createHash('sha256');
  let start = Buffer.alloc(0);
  return blobs.read(from, async (chunks, bytes) => {
    async function* passing() {
      for await (const chunk of chunks) {
        hash.update(chunk);
        if (start.length < formatBytes) start = Buffer.concat([start, chunk.subarray(0, formatBytes)]);
        yield chunk;
      }
    }
    // An accepted upload stays usable even if the limit was lowered since.
    await blobs.put(blob, passing(), Math.max(bytes, limitBytes), tenant);
    return { blob, digest: hash.digest('hex'), start };
  });
}
