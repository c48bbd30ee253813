import { parentPort, threadId, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { redactedError } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { decode } from '../decode/decode.ts';
import { inspectBeginning } from '../decode/dicom/inspect.ts';
import { filmDigest } from '../decode/film-digest.ts';
import { resize } from '../decode/resize.ts';
import { sniff } from '../decode/sniff.ts';
import { createLog } from '../platform/log.ts';
import { releaseMemory } from '../platform/release-memory.ts';
import { type Family, read, type Stages } from '../reading/read.ts';
import { acceptTask, commit } from './abort.ts';
import { within } from './native-lock.ts';
import { createSessions } from './session.ts';
import type { Answer, FilmTask, Task, WorkerData } from './task.ts';
import { isModelMissing, type Warmed } from './warm-up.ts';

// This thread decodes one film at a time. Parallelism comes from the number of threads.
sharp.concurrency(1);
sharp.cache(false);

const { family, device, threads, warm, section, log: level = 'silent' } = workerData as WorkerData;
const log = createLog(level);
/** Log an unexpected error without its message, which may quote the file. */
const report = (error: unknown) =>
  log.error({ event: 'bug', error: redactedError(error) }, 'unexpected error while decoding');
const sessions = createSessions({ family, device, threads });
const reader: Family = { catalog: family.catalog, catalogDigest: family.digest };
const stages: Omit<Stages, 'infer'> = {
  decode: (bytes, mediaType, sides) => decode(bytes, mediaType, { report, sides }),
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

/** Load the usual variants and report the result to the engine. */
async function warmUp(): Promise<Result<null, Fault>> {
  warmed = await load();
  parentPort?.postMessage({ thread: threadId, warmed } satisfies Warmed);
  return warmed;
}

let warmed: Result<null, Fault> = ok(null);
// A thread takes its first film only after it has tried to warm its usual variants.
await warmUp();

/** Run one task of the engine. */
export async function work(task: Task): Promise<Result<Answer[Task['kind']], Fault>> {
  if (task.kind === 'warm') return warmUp();
  // A model was missing when this thread started. Trying again costs little.
  if (!warmed.ok && isModelMissing(warmed.fault)) await warmUp();
  // The deadline passed while the task waited for this thread.
  if (!acceptTask(task.handshake)) return fail({ code: 'client_gone' });
  /** The memory of the film in all its forms. */
  const used: ArrayBufferView[] = [task.bytes];
  const infer: Stages['infer'] = (variant, tensor) => {
    commit(task.handshake);
    used.push(tensor);
    return within(section, () => sessions.infer(variant, tensor));
  };
  // libvips runs in threads of its own on memory of this thread, so the thread must not be ended during the call.
  const decode: Stages['decode'] = async (bytes, mediaType, sides) => {
    // The bytes decide, as in decode(): a PNG file with another label also goes to libvips.
    if (sniff(bytes) !== 'application/dicom') commit(task.handshake);
    const decoded = await stages.decode(bytes, mediaType, sides);
    if (decoded.ok) used.push(decoded.value.film.pixels);
    return decoded;
  };
  const resize: Stages['resize'] = async (...args) => {
    commit(task.handshake);
    const resized = await stages.resize(...args);
    used.push(resized.pixels);
    return resized;
  };
  const ended = film(task, { ...stages, decode, resize, infer });
  // The caller of `render` receives the pixels, and `inspect` has none.
  return task.kind === 'read' ? ended.finally(() => used.forEach(releaseMemory)) : ended;
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
      return read(stages, reader, task);
  }
}
