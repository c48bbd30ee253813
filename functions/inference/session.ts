import '../platform/no-telemetry.ts';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Variant } from '../core/catalog.ts';
import { messageOf, withoutPaths } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import type { LoadedFamily } from '../models/load.ts';
import { sha256Sync } from '../platform/digest.ts';
import { releaseMemory } from '../platform/release-memory.ts';
import { hasVnni } from '../platform/vnni.ts';
import type { Output } from '../reading/read.ts';

export type Device = 'cpu' | 'cuda';

export type SessionOptions = {
  /** The family whose models are loaded. */
  readonly family: Pick<LoadedFamily, 'folder' | 'objects'>;
  readonly device: Device;
  /** ONNX Runtime threads per run. */
  readonly threads: number;
};

/** The options of every session, so that a model gives the same logits wherever it runs. */
export const runtimeOptions = (device: Device, threads: number): InferenceSession.SessionOptions => ({
  executionProviders: [device],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  logSeverityLevel: 3,
  extra: {
    session: {
      // Spinning threads take processor time from the other threads of a small machine.
      intra_op: { allow_spinning: '0' },
      // On x64 processors without VNNI, the int8 kernels add products in 16 bits, and the sums saturate. This option selects exact
      // kernels. With VNNI the usual kernels are exact too, and twice as fast: docs/performance.md, Processors without VNNI.
      x64quantprecision: hasVnni() ? '0' : '1',
    },
  },
});

/** The sessions of one thread: each model is verified, loaded and warmed at its first use, then kept. */
export function createSessions(options: SessionOptions) {
  // Sessions are never released: creating and releasing them leaks (microsoft/onnxruntime#25325).
  const loaded = new Map<string, Promise<Result<InferenceSession, Fault>>>();

  function session(variant: Variant) {
    const known = loaded.get(variant.id);
    if (known) return known;
    const loading = load(variant, options).catch((error: unknown): Result<never, Fault> => {
      return fail({ code: 'inference_failed', problem: `${variant.id} cannot be loaded: ${message(error)}` });
    });
    loaded.set(variant.id, loading);
    // Keep only sessions that loaded: the operator may correct a wrong file.
    void loading.then(({ ok }) => ok || loaded.delete(variant.id));
    return loading;
  }

  return {
    /** Run one film, tensor shape [1, 1, resolution, resolution], through a variant. */
    async infer(variant: Variant, tensor: Float32Array): Promise<Result<Output, Fault>> {
      const opened = await session(variant);
      if (!opened.ok) return opened;
      try {
        return ok(await run(opened.value, variant.resolution, tensor));
      } catch (error) {
        return fail({ code: 'inference_failed', problem: `${variant.id}: ${message(error)}` });
      }
    },
    /** Load and warm a variant without a film. */
    async warm(variant: Variant): Promise<Result<null, Fault>> {
      const opened = await session(variant);
      return opened.ok ? ok(null) : opened;
    },
  };
}

/** The text of an error for an answer: the code of a file-system error, never a path. */
function message(error: unknown): string {
  if (error instanceof Error && 'syscall' in error && 'code' in error) return `the file answers ${error.code}`;
  return withoutPaths(messageOf(error));
}

async function load(variant: Variant, { family, device, threads }: SessionOptions) {
  const path = modelPath(family, variant);
  const bytes = await bytesOf(path, variant).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' || family.objects === undefined) throw error;
  });
  if (bytes === 'other size')
    return fail<Fault>({
      ...{ code: 'model_corrupt', variant: variant.id },
      problem: `${variant.file} is not a file of the ${variant.bytes} bytes that the catalog says`,
    });
  // The model was downloaded before this film, and another process has evicted it since.
  if (!bytes) return fail<Fault>({ code: 'model_unavailable', variant: variant.id, retryAfterMs: ms(1000) });
  const digest = sha256Sync(bytes);
  if (digest !== variant.sha256)
    return fail<Fault>({
      code: 'model_corrupt',
      variant: variant.id,
      problem: `${variant.file} has SHA-256 ${digest.slice(0, 12)}…, the catalog says ${variant.sha256.slice(0, 12)}…`,
    });
  const session = await InferenceSession.create(bytes, runtimeOptions(device, threads));
  // The session has copied the model.
  releaseMemory(bytes);
  await run(session, variant.resolution, new Float32Array(variant.resolution ** 2));
  return ok(session);
}

/** The bytes of a model. A file of another size than the catalog states is not read. */
async function bytesOf(path: string, variant: Variant): Promise<Uint8Array | 'other size'> {
  // Non-blocking, so that a pipe in place of the file does not hang the thread.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    return stats.isFile() && stats.size === variant.bytes ? await file.readFile() : 'other size';
  } finally {
    await file.close();
  }
}

async function run(session: InferenceSession, side: number, tensor: Float32Array): Promise<Output> {
  const film = new Tensor('float32', tensor, [1, 1, side, side]);
  const { logits, cam, gate } = await session.run({ film });
  const [, , rows = 0, columns = 0] = cam?.dims ?? [];
  return { logits: floats(logits), gate: floats(gate), activation: { rows, columns, values: floats(cam) } };
}

function floats(tensor: Tensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new Error('the graph must have the float32 outputs logits, cam and gate');
}

/** The path of a variant's model, whether or not it is downloaded. */
const modelPath = ({ folder, objects }: Pick<LoadedFamily, 'folder' | 'objects'>, variant: Variant): string =>
  objects === undefined ? join(folder, variant.file) : join(objects, variant.sha256);
