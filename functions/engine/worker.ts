import { workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { costTable } from '../pipeline/cost.ts';
import { decode, resize } from '../pipeline/decode/decode.ts';
import type { Fault } from '../pipeline/fault.ts';
import { createSessions } from '../pipeline/infer/session.ts';
import { type Family, read, type Stages } from '../pipeline/read.ts';
import type { Reading } from '../pipeline/reading.ts';
import { ok, type Result } from '../pipeline/result.ts';
import type { Task, WorkerSetup } from './task.ts';

// One film at a time is decoded in this thread: parallelism comes from the number of workers.
sharp.concurrency(1);
sharp.cache(false);

const { family, device, threads, warm } = workerData as WorkerSetup;
const sessions = createSessions({ folder: family.folder, device, threads });
const reader: Family = {
  catalog: family.catalog,
  catalogDigest: family.digest,
  policies: family.policies,
  costs: costTable(family.catalog, device),
};
const stages: Stages = {
  decode,
  resize,
  infer: sessions.infer,
  clock: () => performance.now(),
  now: () => new Date(),
};

async function warmUp(): Promise<Result<null, Fault>> {
  for (const variant of family.catalog.variants.filter(({ id }) => warm.includes(id))) {
    const warmed = await sessions.warm(variant);
    if (!warmed.ok) return warmed;
  }
  return ok(null);
}

// A worker takes its first film only when its usual variants are warm; a fault is reported by the task `warm`.
await warmUp();

/** One task of the engine: say whether the usual variants are warm, or read a film. */
export async function work(task: Task): Promise<Result<Reading | null, Fault>> {
  if (task.kind === 'warm') return warmUp();
  return read(stages, reader, task.id, task.bytes, task.mediaType, task.request);
}
