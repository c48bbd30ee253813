import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../core/fault.ts';
import type { Result } from '../../core/result.ts';
import type { Inspected } from '../../decode/dicom/inspect.ts';
import { fragmentTracker } from '../../decode/dicom/parse/fragments.ts';
import type { PixelDataStart } from '../../decode/dicom/parse/header.ts';
import { type FileMeta, fileMeta } from '../../decode/dicom/parse/meta-group.ts';
import { joined } from '../../platform/concat.ts';
import type { Lease } from '../../platform/memory-budget.ts';
import type { Part } from '../../platform/multipart.ts';
import type { ReadRequest } from '../../routing/request.ts';
import type { Deps } from '../deps.ts';
import { answerTo, failureReasons, type Stored } from './response.ts';

/** A film that was taken: its bytes are in a blob. */
export type Kept = {
  readonly studyInstanceUid: string;
  readonly sopInstanceUid: string;
  /** The id of the reading it will have. */
  readonly reading: string;
  readonly blob: string;
};

/** What an instance is received for. */
export type Reception = {
  readonly tenant: string;
  /** The one study that is taken; any, where the sender named none. */
  readonly study: string | undefined;
  /** How the films will be read. */
  readonly request: ReadRequest;
  readonly signal: AbortSignal;
};

export type Received = {
  readonly stored: Stored;
  readonly kept?: Kept;
  /** Why it could not be looked at now, where nothing is wrong with it. */
  readonly busy?: Fault;
};

/** How long a part waits for the engine, while the sender is held up by it. */
const patienceMs = 20_000;

/** Of a part so much is looked at first: everything before the pixels of nearly all films. */
const headBytes = 2 ** 18;
/** And so much where that does not reach them. */
const longHeadBytes = 2 ** 24;

/**
 * Take one instance on: look at its header where a hostile file does no harm, and keep it if it is one that is read.
 * What is refused never gets to the disk, and of what is kept no more is ever in memory than its head.
 */
export async function receive(deps: Deps, reception: Reception, part: Part, lease: Lease): Promise<Received> {
  let leased = 0;
  const reserve = (bytes: number) => {
    const isFree = lease.grow(bytes);
    leased = isFree ? leased + bytes : 0;
    return isFree;
  };
  return takeOn(deps, reception, part, reserve).finally(() => lease.shrink(leased));
}

async function takeOn(
  deps: Deps,
  { tenant, study, request, signal }: Reception,
  part: Part,
  reserve: (bytes: number) => boolean,
): Promise<Received> {
  const pieces = part.bytes[Symbol.asyncIterator]();
  const busy = (object?: FileMeta): Received => ({
    stored: { kind: 'failed', reason: failureReasons.outOfResources, object },
    busy: deps.budget.full(),
  });
  let head = await beginning(pieces, new Uint8Array(), headBytes, reserve);
  if (!head) return busy();
  const meta = fileMeta(head.bytes);
  const failed = (reason: number, object: FileMeta | undefined = meta): Received => ({
    stored: { kind: 'failed', reason, object },
  });
  let inspected = await inspect(deps, head, signal);
  if (!inspected.ok && inspected.fault.code === 'corrupt_image' && !head.whole) {
    head = await beginning(pieces, head.bytes, longHeadBytes, reserve);
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
  const film = passing(head.bytes, pieces, inspected.value.pixels);
  const put = await blobs.put(blob, film.bytes(), deps.maxUploadBytes, tenant);
  if (!put) return failed(failureReasons.outOfResources, object);
  if (put.bytes < film.end()) {
    await blobs.remove(blob);
    return failed(failureReasons.cannotUnderstand, object);
  }
  const reading = await deps.router.identifyDigest(tenant, film.digest(), request);
  return { stored: { kind: 'taken', object }, kept: { studyInstanceUid, sopInstanceUid, reading, blob } };
}

type Head = { readonly bytes: Uint8Array<ArrayBuffer>; readonly whole: boolean };

/** What comes of a part up to so many bytes, behind what has come of it already; undefined where `reserve` refuses a piece. */
async function beginning(
  pieces: AsyncIterator<Uint8Array>,
  held: Uint8Array,
  upTo: number,
  reserve: (bytes: number) => boolean,
): Promise<Head | undefined> {
  const kept = [held];
  let length = held.length;
  while (length < upTo) {
    const { done, value } = await pieces.next();
    if (done) return { bytes: joined(kept, length), whole: true };
    // Twice, because the engine gets a copy.
    if (!reserve(2 * value.length)) return undefined;
    kept.push(value);
    length += value.length;
  }
  return { bytes: joined(kept, length), whole: false };
}

/** A film on its way to the store: afterwards its digest is known, and how long it should have been. */
function passing(head: Uint8Array, rest: AsyncIterator<Uint8Array>, pixels: PixelDataStart | undefined) {
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

/** Look at a header, waiting while the engine is full: the sender waits with it, and sends no faster than is read. */
async function inspect(
  { engine }: Pick<Deps, 'engine'>,
  { bytes, whole }: Head,
  signal: AbortSignal,
): Promise<Result<Inspected, Fault>> {
  for (const until = performance.now() + patienceMs; ; ) {
    // A copy, because looking takes the bytes away.
    const result = await engine.inspect({ bytes: bytes.slice(), whole }, signal);
    if (result.ok || result.fault.code !== 'queue_full' || performance.now() > until) return result;
    await delay(Math.min(result.fault.retryAfterMs, 1000), undefined, { signal });
  }
}
