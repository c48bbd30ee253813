import { pipeline, Readable, Transform } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import type { MiddlewareHandler } from 'hono';
import { receivedBody } from './body.ts';
import { Refusal } from './problem.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** The body without its content coding. Undefined for a body without a coding. */
    decodedBody: AsyncIterable<Uint8Array<ArrayBuffer>> | undefined;
  }
}

/** The content codings that are decoded (RFC 9110 8.4.1). */
const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
};

/**
 * Maximum ratio of decoded to encoded bytes, after the first `unlimitedBytes`. DICOM films compress by 2 to 10, and gzip compresses
 * zero bytes by 1000. Without a limit, 1 MB of a STOW-RS request would keep the service busy for half a minute.
 */
const maxRatio = 100;
const unlimitedBytes = 64_000_000;

/** The methods whose requests have no body. */
const withoutBody = ['GET', 'HEAD', 'TRACE'];

/**
 * Decode the body of a request by its Content-Encoding, chunk by chunk. Each route limits the decoded length, as for a body without
 * a coding. A JSON body must have no coding. The response to any other coding lists the accepted codings in Accept-Encoding
 * (RFC 9110 15.5.16).
 */
export const decodeContent: MiddlewareHandler = async (c, next) => {
  const codings = (c.req.header('content-encoding') ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  const [coding, ...more] = codings;
  if (coding === undefined || withoutBody.includes(c.req.method)) return next();
  const isJson = /^application\/(?:[\w.-]+\+)?json\b/i.test(c.req.header('content-type') ?? '');
  const createDecoder = Object.hasOwn(decoders, coding) && more.length === 0 && !isJson ? decoders[coding] : undefined;
  if (!createDecoder)
    throw new Refusal({
      code: 'unsupported_content_encoding',
      available: isJson ? ['identity'] : [...Object.keys(decoders), 'identity'],
    });
  const headers = new Headers(c.req.raw.headers);
  // Both headers describe the encoded body.
  headers.delete('content-encoding');
  headers.delete('content-length');
  c.set('decodedBody', decode(receivedBody(c), createDecoder()));
  const { url, method, signal } = c.req.raw;
  c.req.raw = new Request(url, { method, headers, signal });
  return next();
};

async function* decode(body: AsyncIterable<Uint8Array>, decoder: Transform): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let encodedBytes = 0;
  let decodedBytes = 0;
  const counter = new Transform({
    transform(chunk: Uint8Array, _, done) {
      encodedBytes += chunk.length;
      done(null, chunk);
    },
  });
  // The callback of `pipeline` is required. It does nothing, because the loop below throws the error of the stream.
  const decoded = pipeline(Readable.from(body), counter, decoder, () => {});
  try {
    for await (const chunk of decoded) {
      decodedBytes += chunk.length;
      if (decodedBytes > unlimitedBytes + maxRatio * encodedBytes)
        throw new Refusal({ code: 'body_too_large', limitBytes: unlimitedBytes + maxRatio * encodedBytes });
      yield chunk;
    }
  } catch (error) {
    const isZlibError = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    throw isZlibError ? new Refusal({ code: 'malformed_content_encoding' }) : error;
  }
}
