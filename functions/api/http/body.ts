import type { Context } from 'hono';
import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { declaredType, type MediaType, sniff, unsupportedFormatFault } from '../../decode/sniff.ts';
import { joined } from '../../platform/concat.ts';
import type { Lease } from '../../platform/memory-budget.ts';
import { contentType, MultipartError, partsOf } from '../../platform/multipart.ts';
import { Refusal } from './problem.ts';

/** The bytes of a film and the declared media type, which may be empty. */
export type Upload = { readonly bytes: Uint8Array<ArrayBuffer>; readonly mediaType: string };

/** The memory that a body may use. */
export type Room = {
  /** Content-Length. Memory is reserved as bytes arrive, not by the declared length. */
  readonly declared: number | undefined;
  readonly limitBytes: number;
  readonly lease: Lease;
  /** The fault if there is no more memory. */
  readonly full: () => Fault;
};

/** The media types of a film. */
export const mediaTypes = ['image/png', 'image/jpeg', 'application/dicom'] as const satisfies readonly MediaType[];

/** The media types of clients that set none: curl --data-binary sends the last one. */
export const unspecific = ['', 'application/octet-stream', 'binary/octet-stream', 'application/x-www-form-urlencoded'];

/** The most parts of a form. */
const maxFormParts = 16;

/** The declared length of a body; undefined for a chunked body. */
export function declaredBytes(c: Context, limitBytes: number): Result<number | undefined, Fault> {
  const header = c.req.header('content-length');
  if (header === undefined || c.req.header('transfer-encoding') !== undefined) return ok(undefined);
  const bytes = Number(header);
  return bytes <= limitBytes ? ok(bytes) : fail({ code: 'body_too_large', limitBytes });
}

/** The film of a request: the raw body, or the part `image` of a multipart form. */
export async function upload(c: Context, room: Room): Promise<Result<Upload, Fault>> {
  const { type: mediaType, parameters } = contentType(c.req.header('content-type') ?? '');
  const body = within(bodyOf(c), room.declared ?? room.limitBytes);
  if (mediaType === 'multipart/form-data') return part(body, parameters.get('boundary') ?? '', room);
  const bytes = await collect(body, room);
  if (!bytes.ok) return bytes;
  return filmOf(bytes.value, mediaType);
}

/** The bytes decide. The declared media type counts only where the bytes are of no format with a name. */
function filmOf(bytes: Upload['bytes'], declared: string): Result<Upload, Fault> {
  if (sniff(bytes)) return ok({ bytes, mediaType: declared });
  const fault = unsupportedFormatFault(bytes, declared);
  const isForeign = fault.code === 'not_an_image' && !declaredType(declared) && !unspecific.includes(declared);
  return fail(isForeign ? { code: 'unsupported_media_type', received: declared } : fault);
}

async function part(body: AsyncIterable<Uint8Array>, boundary: string, room: Room): Promise<Result<Upload, Fault>> {
  const malformed = (problem: string) => fail<Fault>({ code: 'malformed_multipart', problem });
  if (boundary === '') return malformed('its Content-Type has no boundary: let the client library set Content-Type');
  const others: string[] = [];
  const images: (Upload | undefined)[] = [];
  try {
    for await (const { name, mediaType, bytes } of partsOf(body, boundary)) {
      if (others.length + images.length === maxFormParts) return malformed(`it has more than ${maxFormParts} parts`);
      if (name !== 'image') others.push(name ?? 'without a name');
      // With several images none is read: further parts are only counted.
      else if (images.length > 0) images.push(undefined);
      else {
        const collected = await collect(bytes, room);
        if (!collected.ok) return collected;
        images.push({ bytes: collected.value, mediaType });
      }
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error;
    return malformed('the parts cannot be told apart; is the boundary right?');
  }
  const [image] = images;
  if (others.length > 0) return malformed(`unknown part ${others.join(', ')}`);
  if (images.length !== 1 || !image) return malformed(`expected one file part named image, received ${images.length}`);
  return filmOf(image.bytes, image.mediaType);
}

/** Shorter pieces of a body are joined, because each piece has an overhead of some hundred bytes. */
const shortBytes = 4096;
const blockBytes = 16_384;

/** The bytes of a body as they arrive. A broken stream means that the client is gone, whatever the error says. */
export async function* bodyOf(c: Context): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let block = new Uint8Array(0);
  let filled = 0;
  try {
    for await (const piece of c.req.raw.body ?? []) {
      if (filled > 0 && (piece.length >= shortBytes || filled + piece.length > blockBytes)) {
        yield block.subarray(0, filled);
        filled = 0;
      }
      if (piece.length >= shortBytes) yield piece;
      else {
        if (filled === 0) block = new Uint8Array(blockBytes);
        block.set(piece, filled);
        filled += piece.length;
      }
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal({ code: 'client_gone' });
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** A body whose bytes are reserved as they arrive, up to the `heldBytes` that its receiver holds in memory. */
export async function* reserving(
  body: AsyncIterable<Uint8Array>,
  heldBytes: number,
  { lease, full }: Pick<Room, 'lease' | 'full'>,
): AsyncGenerator<Uint8Array, void> {
  let left = heldBytes;
  for await (const piece of body) {
    const more = Math.min(piece.length, left);
    if (more > 0 && !lease.grow(more)) throw new Refusal(full());
    left -= more;
    yield piece;
  }
}

/** A body that is refused when it exceeds its limit. */
async function* within(body: AsyncIterable<Uint8Array>, limitBytes: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of body) {
    total += piece.length;
    if (total > limitBytes) throw new Refusal({ code: 'body_too_large', limitBytes });
    yield piece;
  }
}

/** The share of a declared body that must arrive before a buffer of the declared length is allocated. */
const earnest = 1 / 8;

/** Collect a body into one buffer. */
async function collect(
  pieces: AsyncIterable<Uint8Array>,
  { declared, lease, full }: Room,
): Promise<Result<Uint8Array<ArrayBuffer>, Fault>> {
  let all: Uint8Array<ArrayBuffer> | undefined;
  let kept: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    // The pieces and the joined copy coexist, so reserve twice the size.
    if (!lease.grow(all ? piece.length : 2 * piece.length)) return fail(full());
    if (all) all.set(piece, length);
    else kept.push(piece);
    length += piece.length;
    if (all || declared === undefined || length < earnest * declared) continue;
    all = joined(kept, declared);
    kept = [];
    lease.shrink(length);
  }
  if (all) return ok(all.subarray(0, length));
  all = joined(kept, length);
  lease.shrink(length);
  return ok(all);
}
