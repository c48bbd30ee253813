import { z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { etag, RETAINED_304_HEADERS } from 'hono/etag';

/**
 * Answer 304 where If-None-Match names the current ETag (RFC 9110 13.1.2). A handler without an ETag of its own gets a digest of
 * its body.
 */
export const conditional: MiddlewareHandler = etag({
  retainedHeaders: [
    ...RETAINED_304_HEADERS,
    ...['x-request-id', 'access-control-allow-origin', 'access-control-expose-headers'],
  ],
});

/** What a client may store only if it asks again before each use. The answer needs a key, so no shared cache may store it. */
export const revalidated = { 'cache-control': 'private, no-cache' } as const;

const ofKeys = /^\/(v1|dicom-web)(\/|$)/;

/** No cache may store what concerns patients: every answer below /v1 and /dicom-web, unless its route says otherwise. */
export const storeNothing: MiddlewareHandler = async (c, next) => {
  await next();
  if (ofKeys.test(c.req.path) && !c.res.headers.has('cache-control'))
    c.res.headers.set('cache-control', 'private, no-store');
};

/** The request header of a conditional request, for the OpenAPI document. */
export const IfNoneMatch = z.object({
  'if-none-match': z.string().optional().meta({
    description: 'The ETag of an earlier answer. If the answer has not changed, it is 304 without a body.',
  }),
});

/** The response header of an answer that can be asked for conditionally, for the OpenAPI document. */
export const etagHeader = {
  ETag: { description: 'Send as If-None-Match to ask whether the answer has changed.', schema: { type: 'string' } },
} as const;

/** The response of a conditional request, for the OpenAPI document. */
export const notModified = {
  304: { description: 'The answer has the ETag in If-None-Match', headers: etagHeader },
} as const;
