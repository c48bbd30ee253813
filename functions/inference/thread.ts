import { parentPort, threadId, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { decode } from '../decode/decode.ts';
import { inspectBeginning } from '../decode/dicom/inspect.ts';
import { filmDigest } from '../decode/film-digest.ts';
import { resize } from '../decode/resize.ts';
import { sniff } from '../decode/sniff.ts';
import { createLog } from '../platform/log.ts';
import { withoutData } from '../platform/redact-error.ts';
import { type Family, read, type Stages } from '../reading/read.ts';
import { commit, takeUp } from './abort.ts';
import { within } from './native-lock.ts';
import { createSessions } from './session.ts';
import type { Answer, FilmTask, Task, WorkerData } from './task.ts';
import { isForWant, type Warmed } from './warm-up.ts';

// One film at a time is decoded in this thread: parallelism comes from the number of workers.
sharp.concurrency(1);
sharp.cache(false);

const { family, device, threads, warm, section, log: level = 'silent' } = workerData as WorkerData;
const log = createLog(level);
/** In the log without its message, which may quote the file. */
const report = (error: unknown) => log.error({ event: 'bug', error: withoutData(error) }, 'a file brought a bug out');
const sessions = createSessions({ family, device, threads });
const reader: Family = { catalog: family.catalog, catalogDigest: family.digest };
const stages: Omit<Stages, 'infer'> = {
  decode: (bytes, mediaType) => decode(bytes, mediaType, report),
  resize,
  digest: filmDigest,
  clock: () => performance.now(),
  now: () => new Date(),
};

async function load(): Promise<Result<null, Fault>> {
  for (const variant of family.catalog.variants.filter(({ id }) => warm.includes(id))) {
    const warmed = await within(section, () => sessions.warm(variant));
    if (!warmed.ok) return warmed;
  }
  return ok(null);
}

/** Load what is usual, and tell the engine what came of it. */
async function warmUp(): Promise<Result<null, Fault>> {
  warmed = await load();
  parentPort?.postMessage({ thread: threadId, warmed } satisfies Warmed);
  return warmed;
}

let warmed: Result<null, Fault> = ok(null);
// A worker takes its first film only when its usual variants are warm, or cannot be.
await warmUp();

/** One task of the engine. */
export async function work(task: Task): Promise<Result<Answer[Task['kind']], Fault>> {
  if (task.kind === 'warm') return warmUp();
  // It replaced another while a model was not to be had. That costs little to find out, and may be over.
  if (!warmed.ok && isForWant(warmed.fault)) await warmUp();
  // It waited for this thread past its deadline: nobody takes the answer.
  if (!takeUp(task.handshake)) return fail({ code: 'client_gone' });
  const infer: Stages['infer'] = (variant, tensor) => {
    commit(task.handshake);
    return within(section, () => sessions.infer(variant, tensor));
  };
  // libvips works outside of this thread, on memory that would go with it: from there on it is not ended either.
  const decode: Stages['decode'] = (bytes, mediaType) => {
    // By its bytes, as decode() does: a PNG file under another label goes to libvips as well.
    if (sniff(bytes) !== 'application/dicom') commit(task.handshake);
    return stages.decode(bytes, mediaType);
  };
  const resize: Stages['resize'] = (...args) => {
    commit(task.handshake);
    return stages.resize(...args);
  };
  return film(task, { ...stages, decode, resize, infer });
}

async function film(task: FilmTask, stages: Stages): Promise<Result<Answer[FilmTask['kind']], Fault>> {
  switch (task.kind) {
    case 'inspect':
      return inspectBeginning(task.bytes, task.whole, report);
    case 'render': {
      const decoded = await stages.decode(task.bytes, task.mediaType);
      return decoded.ok ? ok(decoded.value.film) : decoded;
    }
    case 'read':
      // Its room is free again now, not when this thread next collects what it does not use.
      return read(stages, reader, task).finally(() => {
        task.bytes.buffer.transfer(0);
      });
  }
}
