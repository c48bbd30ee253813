/** A process that runs one variant on one device, so that the memory of the device belongs to this variant. */
import '../../../functions/platform/no-telemetry.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Variant } from '../../../functions/core/catalog.ts';
import { messageOf } from '../../../functions/core/errors.ts';
import { contain } from '../../../functions/core/film.ts';
import { px } from '../../../functions/core/units.ts';
import { decode } from '../../../functions/decode/decode.ts';
import { resize } from '../../../functions/decode/resize.ts';
import { type Device, runtimeOptions } from '../../../functions/inference/session.ts';
import { letterbox, normalise } from '../../../functions/reading/preprocess.ts';
import { batchDifference } from './sweep.ts';

export type Setup = {
  readonly path: string;
  readonly variant: Pick<Variant, 'resolution' | 'input'>;
  readonly device: Device;
  readonly threads: number;
};

/** A task of the process: open the model, compare a batch with its films, or run a batch repeatedly. */
export type Task =
  | { readonly kind: 'open'; readonly setup: Setup }
  | { readonly kind: 'check'; readonly batch: number }
  | { readonly kind: 'measure'; readonly batch: number; readonly seconds: number };

export type Opened = {
  /** The batch size that the graph fixes; null if every size is possible. */
  readonly fixedBatch: number | null;
};
export type Checked = {
  /** The largest difference of an output value between a film in the batch and the film alone. */
  readonly toSingles: number;
  /** The largest difference of a logit from the CPU; null on the CPU itself. */
  readonly toCpu: number | null;
};
export type Measured = { readonly batchMs: readonly number[] };
export type Answer = Opened | Checked | Measured | { readonly error: string };

const outputs = ['logits', 'gate', 'cam'] as const;
type Outputs = Readonly<Record<(typeof outputs)[number], number[]>>;

async function tensorOf(name: string, { resolution, input }: Setup['variant']): Promise<Float32Array> {
  const decoded = await decode(new Uint8Array(readFileSync(join('test/films', name))), 'image/png');
  if (!decoded.ok) throw new Error(`${name}: ${decoded.fault.code}`);
  const side = px(resolution);
  return normalise(letterbox(await resize(decoded.value.film, contain(decoded.value.film, side)), side), input);
}

async function open({ path, variant, device, threads }: Setup) {
  const session = await InferenceSession.create(path, runtimeOptions(device, threads));
  const names = readdirSync('test/films').filter((name) => name.endsWith('.png'));
  const films = await Promise.all(names.map((name) => tensorOf(name, variant)));
  const [input] = session.inputMetadata;
  const [first] = input?.isTensor ? input.shape : [];
  const { resolution: side } = variant;

  /** The input of a batch: the films in turn. */
  const inputs = new Map<number, Tensor>();
  function inputOf(batch: number): Tensor {
    const known = inputs.get(batch);
    if (known) return known;
    const values = new Float32Array(batch * side * side);
    for (let i = 0; i < batch; i++) values.set(films[i % films.length] ?? [], i * side * side);
    const made = new Tensor('float32', values, [batch, 1, side, side]);
    inputs.set(batch, made);
    return made;
  }

  async function run(on: InferenceSession, film: Tensor): Promise<Outputs> {
    const found = await on.run({ film });
    const valuesOf = (name: string) => [...((found[name]?.data as Float32Array | undefined) ?? [])];
    return { logits: valuesOf('logits'), gate: valuesOf('gate'), cam: valuesOf('cam') };
  }
  const eachFilm = (on: InferenceSession) =>
    Promise.all(films.map((values) => run(on, new Tensor('float32', values, [1, 1, side, side]))));
  const singles = await eachFilm(session);
  const onCpu =
    device === 'cpu' ? undefined : await eachFilm(await InferenceSession.create(path, runtimeOptions('cpu', 1)));
  const ofBatch = (known: readonly Outputs[], batch: number, name: keyof Outputs) =>
    Array.from({ length: batch }, (_, i) => known[i % known.length]?.[name] ?? []);

  return {
    fixedBatch: typeof first === 'number' ? first : null,
    async check(batch: number): Promise<Checked> {
      const found = await run(session, inputOf(batch));
      const differences = outputs.map((name) => batchDifference(ofBatch(singles, batch, name), found[name]));
      const toCpu = onCpu ? batchDifference(ofBatch(onCpu, batch, 'logits'), found.logits) : null;
      return { toSingles: Math.max(...differences), toCpu };
    },
    async measure(batch: number, seconds: number): Promise<Measured> {
      const film = inputOf(batch);
      // The first run after another batch size is not measured.
      await session.run({ film });
      const batchMs: number[] = [];
      const end = performance.now() + seconds * 1000;
      do {
        const start = performance.now();
        await session.run({ film });
        batchMs.push(performance.now() - start);
      } while (performance.now() < end);
      return { batchMs };
    },
  };
}

let opened: Awaited<ReturnType<typeof open>> | undefined;

async function work(task: Task): Promise<Answer> {
  if (task.kind === 'open') {
    opened = await open(task.setup);
    return { fixedBatch: opened.fixedBatch };
  }
  if (!opened) throw new Error('no model is open');
  return task.kind === 'check' ? opened.check(task.batch) : opened.measure(task.batch, task.seconds);
}

process.on('message', async (task: Task) => {
  process.send?.(await work(task).catch((error: unknown): Answer => ({ error: messageOf(error) })));
});
