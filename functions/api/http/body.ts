import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { declaredType, type MediaType, sniff, unsupportedFormatFault } from '../../decode/sniff.ts';
import { concatBytes } from '../../platform/concat.ts';
import type { Lease } from '../../platform/memory-budget.ts';
import { contentType, MultipartError, partsOf } from '../../platform/multipart.ts';
import { releaseMemory } from '../../platform/release-memory.ts';
import { Refusal } from './problem.ts';

/** The bytes of a film, and their SHA-256 in hexadecimal. */
type Collected = { readonly bytes: Uint8Array<ArrayBuffer>; readonly digest: string };

/** A film and the declared media type, which may be empty. */
export type Upload = Collected & { readonly mediaType: string };

/** The memory reservation for a body, and its limit. */
export type BodyMemory = {
  /** Content-Length. Memory is reserved as bytes arrive, not by the declared length. */
  readonly declared: number | undefined;
  readonly limitBytes: number;
  readonly lease: Lease;
  /** The fault if no more memory can be reserved. */
  readonly queueFull: () => Fault;
};

/** The media types of a film. */
export const mediaTypes = ['image/png', 'image/jpeg', 'application/dicom'] as const satisfies readonly MediaType[];

/** Media types that say nothing about the format. Clients send them by default: curl --data-binary sends the last one. */
export const genericMediaTypes = [
  '',
  'application/octet-stream',
  'binary/octet-stream',
  'application/x-www-form-urlencoded',
];

/** Maximum number of parts of a form. */
export const maxFormParts = 16;

/** The declared length of a body; undefined for a chunked body. */
export function declaredBytes(c: Context, limitBytes: number): Result<number | undefined, Fault> {
  const header = c.req.header('content-length');
  if (header === undefined || c.req.header('transfer-encoding') !== undefined) return ok(undefined);
  const bytes = Number(header);
  return bytes <= limitBytes ? ok(bytes) : fail({ code: 'body_too_large', limitBytes });
}

/** The film of a request: the raw body, or the part `image` of a multipart form. */
export async function upload(c: Context, memory: BodyMemory): Promise<Result<Upload, Fault>> {
  const { type: mediaType, parameters } = contentType(c.req.header('content-type') ?? '');
  const body = limitBody(bodyOf(c), memory.declared ?? memory.limitBytes);
  if (mediaType === 'multipart/form-data') return multipartFilm(body, parameters.get('boundary') ?? '', memory);
  const collected = await collect(body, memory);
  return collected.ok ? filmOf(collected.value, mediaType) : collected;
}

/** The films of a batch: the parts `image` of a multipart form, each with its own fault. */
export async function uploads(
  c: Context,
  memory: BodyMemory,
): Promise<Result<readonly { readonly filename?: string; readonly film: Result<Upload, Fault> }[], Fault>> {
  const fix = `Send multipart/form-data with one file part named image per film, ${maxFormParts} at most.`;
  const malformed = (problem: string) => fail<Fault>({ code: 'malformed_multipart', problem, fix });
  const { type, parameters } = contentType(c.req.header('content-type') ?? '');
  if (type !== 'multipart/form-data') return fail({ code: 'unsupported_media_type', received: type, fix });
  const boundary = parameters.get('boundary') ?? '';
  if (boundary === '') return malformed('its Content-Type has no boundary: let the client library set Content-Type');
  const films: { readonly filename?: string; readonly film: Result<Upload, Fault> }[] = [];
  // The length of one part is not declared.
  const ofPart = { ...memory, declared: undefined };
  try {
    for await (const part of partsOf(limitBody(bodyOf(c), memory.declared ?? memory.limitBytes), boundary)) {
      if (part.name !== 'image') return malformed(`unknown part ${part.name ?? 'without a name'}`);
      if (films.length === maxFormParts) return malformed(`it has more than ${maxFormParts} films`);
      const collected = await collect(part.bytes, ofPart);
      if (!collected.ok) return collected;
      const film = filmOf(collected.value, part.mediaType);
      films.push({ ...(part.filename !== undefined && { filename: part.filename }), film });
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    return malformed('the parts do not match the boundary; check the boundary in Content-Type');
  }
  return films.length > 0 ? ok(films) : malformed('it has no part named image');
}

/** The first bytes decide the format. The declared media type is used only if the format of the bytes is unknown. */
function filmOf(film: Collected, declared: string): Result<Upload, Fault> {
  if (sniff(film.bytes)) return ok({ ...film, mediaType: declared });
  const fault = unsupportedFormatFault(film.bytes, declared);
  const isOtherType = fault.code === 'not_an_image' && !declaredType(declared) && !genericMediaTypes.includes(declared);
  return fail(isOtherType ? { code: 'unsupported_media_type', received: declared } : fault);
}

async function multipartFilm(
  body: AsyncIterable<Uint8Array>,
  boundary: string,
  memory: BodyMemory,
): Promise<Result<Upload, Fault>> {
  const malformed = (problem: string) => fail<Fault>({ code: 'malformed_multipart', problem });
  if (boundary === '') return malformed('its Content-Type has no boundary: let the client library set Content-Type');
  const unknownParts: string[] = [];
  const images: (Upload | undefined)[] = [];
  try {
    for await (const { name, mediaType, bytes } of partsOf(body, boundary)) {
      if (unknownParts.length + images.length === maxFormParts)
        return malformed(`it has more than ${maxFormParts} parts`);
      if (name !== 'image') unknownParts.push(name ?? 'without a name');
      // More than one image is an error, so the bytes of further images are skipped. The error states their number.
      else if (images.length > 0) images.push(undefined);
      else {
        const collected = await collect(bytes, memory);
        if (!collected.ok) return collected;
        images.push({ ...collected.value, mediaType });
      }
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    return malformed('the parts do not match the boundary; check the boundary in Content-Type');
  }
  const [image] = images;
  if (unknownParts.length > 0) return malformed(`unknown part ${unknownParts.join(', ')}`);
  if (images.length !== 1 || !image) return malformed(`expected one file part named image, received ${images.length}`);
  return filmOf(image, image.mediaType);
}

/**
 * The bytes of a body as they were received, without their content coding. Where there is a socket, they come from the stream of Node: the
 * stream of a web `Request` copies each chunk, and the copies caused a garbage collection per ten films.
 */
export function receivedBody(c: Context): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingMessage };
  return c.get('decodedBody') ?? (incoming ? piecesOf(incoming) : (c.req.raw.body ?? nothing()));
}

/**
 * The pieces of a body as Node received them. The end of this generator, with or without an error, leaves the stream and its
 * connection open for the answer. The iterator of Node itself closes both if it receives an error.
 */
async function* piecesOf(incoming: IncomingMessage): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const piece of incoming.iterator({ destroyOnReturn: false })) yield piece;
}

async function* nothing(): AsyncGenerator<never> {}

/** Chunks shorter than this are copied into blocks, because each chunk has an overhead of some hundred bytes. */
const shortBytes = 4096;
const blockBytes = 16_384;

/** The bytes of a body as they arrive. An error of the stream means that the client has disconnected. */
export async function* bodyOf(c: Context): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let block = new Uint8Array(0);
  let filled = 0;
  try {
    for await (const chunk of receivedBody(c)) {
      if (filled > 0 && (chunk.length >= shortBytes || filled + chunk.length > blockBytes)) {
        yield block.subarray(0, filled);
        filled = 0;
      }
      if (chunk.length >= shortBytes) yield chunk;
      else {
        if (filled === 0) block = new Uint8Array(blockBytes);
        block.set(chunk, filled);
        filled += chunk.length;
      }
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal({ code: 'client_gone' });
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** Pass a body through and reserve memory for its chunks, up to `heldBytes`: the receiver's buffer is not larger. */
export async function* reserveOnArrival(
  body: AsyncIterable<Uint8Array>,
  heldBytes: number,
  { lease, queueFull }: Pick<BodyMemory, 'lease' | 'queueFull'>,
): AsyncGenerator<Uint8Array, void> {
  let left = heldBytes;
  for await (const chunk of body) {
    const more = Math.min(chunk.length, left);
    if (more > 0 && !lease.grow(more)) {
      lease.release();
      throw new Refusal(queueFull());
    }
    left -= more;
    yield chunk;
  }
}

/** Pass a body through. Refuse it when it exceeds its limit. */
async function* limitBody(body: AsyncIterable<Uint8Array>, limitBytes: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of body) {
    total += chunk.length;
    if (total > limitBytes) throw new Refusal({ code: 'body_too_large', limitBytes });
    yield chunk;
  }
}

/** The share of the declared length that must arrive before a buffer of the declared length is allocated. */
const minArrivedShare = 1 / 8;

/** Collect a body into one buffer. The digest is computed as the body arrives, so that it is ready with the last byte. */
async function collect(
  chunks: AsyncIterable<Uint8Array>,
  { declared, lease, queueFull }: BodyMemory,
): Promise<Result<Collected, Fault>> {
  const hash = createHash('sha256');
  let all: Uint8Array<ArrayBuffer> | undefined;
  let kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    // The chunks and the joined copy coexist, so reserve twice the size.
    if (!lease.grow(all ? chunk.length : 2 * chunk.length)) return fail(queueFull());
    hash.update(chunk);
    if (all) {
      all.set(chunk, length);
      length += chunk.length;
      releaseMemory(chunk);
      continue;
    }
    kept.push(chunk);
    length += chunk.length;
    if (declared === undefined || length < minArrivedShare * declared) continue;
    all = joined(kept, declared);
    kept = [];
    lease.shrink(length);
  }
  const digest = hash.digest('hex');
  if (all) return ok({ bytes: all.subarray(0, length), digest });
  all = joined(kept, length);
  lease.shrink(length);
  return ok({ bytes: all, digest });
}

/** Join chunks in a new buffer of `length` bytes, and free the chunks. */
function joined(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const all = concatBytes(chunks, length);
  chunks.forEach(releaseMemory);
  return all;
}
