import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../core/fault.ts';
import type { Result } from '../../core/result.ts';
import type { Inspected } from '../../decode/dicom/inspect.ts';
import { fragmentTracker } from '../../decode/dicom/parse/fragments.ts';
import type { PixelDataStart } from '../../decode/dicom/parse/header.ts';
import { type FileMeta, fileMeta } from '../../decode/dicom/parse/meta-group.ts';
import { concatBytes } from '../../platform/concat.ts';
import type { Lease } from '../../platform/memory-budget.ts';
import type { Part } from '../../platform/multipart.ts';
import type { ReadRequest } from '../../routing/request.ts';
import type { Deps } from '../deps.ts';
import { answerTo, failureReasons, type Stored } from './response.ts';

/** An accepted film. Its bytes are in a blob. */
export type StoredFilm = {
  readonly studyInstanceUid: string;
  readonly sopInstanceUid: string;
  /** The id of the reading that the job will produce. */
  readonly reading: string;
  readonly blob: string;
};

/** The request that an instance belongs to. */
export type Reception = {
  readonly tenant: string;
  /** The only study that is accepted; undefined if the address named no study. */
  readonly study: string | undefined;
  /** How the films will be read. */
  readonly request: ReadRequest;
  readonly signal: AbortSignal;
};

export type Received = {
  readonly stored: Stored;
  readonly film?: StoredFilm;
  /** Why the service could not examine the instance now. The instance itself may be sound. */
  readonly busy?: Fault;
};

/** How long a part waits for a free thread. The sender waits as well, because its body is not read meanwhile. */
const maxWaitMs = 20_000;

/** The bytes of a part that are examined first. They reach the pixels of nearly all films. */
const headBytes = 2 ** 18;
/** The bytes of a part that are examined if the first ones do not reach the pixels. */
const longHeadBytes = 2 ** 24;

/**
 * Receive one instance: parse its header in a thread, where a hostile file does no harm, and store the instance if its kind is read.
 * A refused instance never reaches the disk. Of a stored instance, only the head is in memory.
 */
export async function receive(deps: Deps, reception: Reception, part: Part, lease: Lease): Promise<Received> {
  let leased = 0;
  const reserve = (bytes: number) => {
    const isFree = lease.grow(bytes);
    if (!isFree) lease.release();
    leased = isFree ? leased + bytes : 0;
    return isFree;
  };
  return receiveWithin(deps, reception, part, reserve).finally(() => lease.shrink(leased));
}

async function receiveWithin(
  deps: Deps,
  { tenant, study, request, signal }: Reception,
  part: Part,
  reserve: (bytes: number) => boolean,
): Promise<Received> {
  const pieces = part.bytes[Symbol.asyncIterator]();
  const busy = (object?: FileMeta): Received => ({
    stored: { kind: 'failed', reason: failureReasons.outOfResources, object },
    busy: deps.budget.queueFull(),
  });
  let head = await readHead(pieces, new Uint8Array(), headBytes, reserve);
  if (!head) return busy();
  const meta = fileMeta(head.bytes);
  const failed = (reason: number, object: FileMeta | undefined = meta): Received => ({
    stored: { kind: 'failed', reason, object },
  });
  let inspected = await inspect(deps, head, signal);
  if (!inspected.ok && inspected.fault.code === 'corrupt_image' && !head.whole) {
    head = await readHead(pieces, head.bytes, longHeadBytes, reserve);
    if (!head) return busy(meta);
    inspected = await inspect(deps, head, signal);
  }
  if (!inspected.ok) {
    const answer = answerTo(inspected.fault, meta);
    if (answer === 'discarded' && meta) return { stored: { kind: 'discarded', object: meta } };
    const { stored } = failed(answer === 'discarded' ? failureReasons.cannotUnderstand : answer);
    return { stored, ...('retryAfterMs' in inspected.fault && { busy: inspected.fault }) };
  }
  const { sopClassUid, sopInstanceUid, studyInstanceUid } = inspected.value.instance;
  const object = { sopClassUid, sopInstanceUid };
  if (study !== undefined && study !== studyInstanceUid) return failed(failureReasons.otherStudy, object);

  const { blobs } = deps.platform;
  const blob = `stow ${randomUUID()}`;
  const film = streamed(head.bytes, pieces, inspected.value.pixels);
  const put = await blobs.put(blob, film.bytes(), deps.maxUploadBytes, tenant);
  if (!put) return failed(failureReasons.outOfResources, object);
  if (put.bytes < film.end()) {
    await blobs.remove(blob);
    return failed(failureReasons.cannotUnderstand, object);
  }
  const reading = deps.router.identifyDigest(tenant, film.digest(), request);
  return { stored: { kind: 'taken', object }, film: { studyInstanceUid, sopInstanceUid, reading, blob } };
}

type Head = { readonly bytes: Uint8Array<ArrayBuffer>; readonly whole: boolean };

/** The first `upTo` bytes of a part, of which `received` are there already. Undefined if `reserve` refuses more bytes. */
async function readHead(
  pieces: AsyncIterator<Uint8Array>,
  received: Uint8Array,
  upTo: number,
  reserve: (bytes: number) => boolean,
): Promise<Head | undefined> {
  const chunks = [received];
  let length = received.length;
  while (length < upTo) {
    const { done, value } = await pieces.next();
    if (done) return { bytes: concatBytes(chunks, length), whole: true };
    // Twice the size, because the thread gets a copy.
    if (!reserve(2 * value.length)) return undefined;
    chunks.push(value);
    length += value.length;
  }
  return { bytes: concatBytes(chunks, length), whole: false };
}

/** A film as a stream to the store. After its end, the digest and the expected length of the film are known. */
function streamed(head: Uint8Array, rest: AsyncIterator<Uint8Array>, pixels: PixelDataStart | undefined) {
  const hash = createHash('sha256');
  const fragments = pixels?.kind === 'encapsulated' ? fragmentTracker(pixels.items) : undefined;
  return {
    async *bytes() {
      for (let piece = head; ; ) {
        hash.update(piece);
        fragments?.update(piece);
        yield piece;
        const { done, value } = await rest.next();
        if (done) return;
        piece = value;
      }
    },
    digest: () => hash.digest('hex'),
    end: () => fragments?.minLength() ?? (pixels?.kind === 'native' ? pixels.end : 0),
  };
}

/** Parse a header in a thread. While all threads are busy the part waits, and its sender cannot send more. */
async function inspect(
  { engine }: Pick<Deps, 'engine'>,
  { bytes, whole }: Head,
  signal: AbortSignal,
): Promise<Result<Inspected, Fault>> {
  for (const until = performance.now() + maxWaitMs; ; ) {
    // A copy, because the bytes are transferred to the thread.
    const result = await engine.inspect({ bytes: bytes.slice(), whole }, signal);
    if (result.ok || result.fault.code !== 'queue_full' || performance.now() > until) return result;
    await delay(Math.min(result.fault.retryAfterMs, 1000), undefined, { signal });
  }
}
