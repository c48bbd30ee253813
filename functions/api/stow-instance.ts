import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../pipeline/fault.ts';
import type { Instance } from '../pipeline/instance.ts';
import type { ReadRequest } from '../pipeline/request.ts';
import type { Result } from '../pipeline/result.ts';
import type { Deps } from './deps.ts';
import { type FileMeta, fileMeta } from './file-meta.ts';
import type { Part } from './multipart.ts';
import { answerTo, failureReasons, type Stored } from './store-response.ts';

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

/** Take one instance on: look at its header where a hostile file does no harm, and keep it if it is one that is read. */
export async function receive(
  deps: Deps,
  { tenant, study, request, signal }: Reception,
  part: Part,
): Promise<Received> {
  const { bytes, whole } = await collect(part.bytes, deps.maxUploadBytes);
  const meta = fileMeta(bytes);
  const failed = (reason: number, object: FileMeta | undefined = meta): Received => ({
    stored: { kind: 'failed', reason, object },
  });
  if (!whole) return failed(failureReasons.outOfResources);
  // RFC 2387: without a type of its own a part is of the type of the whole.
  if (part.mediaType !== '' && part.mediaType !== 'application/dicom') return failed(failureReasons.cannotUnderstand);

  // A copy, because looking takes the bytes away, and what is refused never gets to the disk.
  const inspected = await inspect(deps, bytes.slice(), signal);
  if (!inspected.ok) {
    const answer = answerTo(inspected.fault);
    if (answer === 'discarded' && meta) return { stored: { kind: 'discarded', object: meta } };
    const { stored } = failed(answer === 'discarded' ? failureReasons.cannotUnderstand : answer);
    return { stored, ...('retryAfterMs' in inspected.fault && { busy: inspected.fault }) };
  }
  const instance = inspected.value;
  const { sopClassUid, sopInstanceUid, studyInstanceUid } = instance;
  const object = { sopClassUid, sopInstanceUid };
  if (study !== undefined && study !== studyInstanceUid) return failed(failureReasons.otherStudy, object);

  const reading = await deps.router.identify(tenant, bytes, request);
  const blob = `stow ${randomUUID()}`;
  await deps.platform.blobs.put(blob, new Blob([bytes]).stream(), deps.maxUploadBytes);
  return { stored: { kind: 'taken', object }, kept: { studyInstanceUid, sopInstanceUid, reading, blob } };
}

/** Of a part that is too long: enough of its pieces to say which object it is. */
const firstPieces = 64;

/** The bytes of a part; of one that is too long only the beginning. */
async function collect(
  pieces: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly whole: boolean }> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    kept.push(piece);
    if (length > limitBytes) return { bytes: new Uint8Array(Buffer.concat(kept.slice(0, firstPieces))), whole: false };
  }
  return { bytes: new Uint8Array(Buffer.concat(kept)), whole: true };
}

/** Look at a header, waiting while the engine is full: the sender waits with it, and sends no faster than is read. */
async function inspect(
  { engine }: Pick<Deps, 'engine'>,
  bytes: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<Result<Instance, Fault>> {
  for (const until = performance.now() + patienceMs; ; ) {
    const result = await engine.inspect(bytes, signal);
    if (result.ok || result.fault.code !== 'queue_full' || performance.now() > until) return result;
    await delay(Math.min(result.fault.retryAfterMs, 1000), undefined, { signal });
  }
}
