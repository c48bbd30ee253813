/** Batch sizes and precisions on a device: npm run bench -- gpu --help. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, cpus as processors, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Variant } from '../../../functions/core/catalog.ts';
import { messageOf } from '../../../functions/core/errors.ts';
import { openRouter } from '../../../functions/inference/router.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import { cpus } from '../../../functions/platform/cpus.ts';
import { percentile } from '../peers/statistics.ts';
import { cardMemory, cardName } from './nvidia-smi.ts';
import type { Answer, Checked, Measured, Opened, Task } from './runner.ts';
import { parseBatches, parsePeaks, shareOfPeak } from './sweep.ts';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'cuda' },
    batches: { type: 'string', default: '1,2,4,8,16,32' },
    variants: { type: 'string' },
    threads: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '0.5' },
    'peak-tflops': { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- gpu [--device cuda|cpu] [--batches 1,2,4,8,16,32] [--variants r256-fp32,r256-int8 (default: all)]
  [--rounds 5] [--seconds 0.5 (per batch size and round)] [--threads 1 (of ONNX Runtime, for nodes on the CPU)]
  [--peak-tflops 60, or fp32=60,fp16=120 (the peak of the card by its data sheet)] [--json FILE]
Models come from ALARA_MODELS and ALARA_FAMILY, which must name a folder. fp16 variants are measured if the family has them.`);
  process.exit();
}

function fail(problem: string): never {
  throw new Error(problem);
}

const device =
  (['cpu', 'cuda'] as const).find((each) => each === options.device) ??
  fail(`--device ${options.device}: expected cpu or cuda`);
const batches = parseBatches(options.batches);
const peaks = options['peak-tflops'] === undefined ? undefined : parsePeaks(options['peak-tflops']);
const [threads, rounds, seconds] = [Number(options.threads), Number(options.rounds), Number(options.seconds)];
const data = mkdtempSync(join(tmpdir(), 'alara-gpu-'));
const { family } = openRouter(readConfig({ ...process.env, ALARA_DATA: data }));
rmSync(data, { recursive: true });
const known = family.catalog.variants;
const variants = options.variants
  ?.split(',')
  .map((id) => known.find((each) => each.id === id) ?? fail(`no variant ${id}. Known: ${known.map(({ id }) => id)}.`));

/**
 * Rounding may depend on the batch size. A larger difference than this of a logit, gate score or heatmap value is an error: the films of a
 * batch are then not independent of each other.
 */
const mostDifference = 0.1;

function ask<Of extends Answer>(runner: ChildProcess, task: Task): Promise<Of> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the process ended with ${code}`));
    runner.once('exit', ended);
    runner.once('message', (answer: Answer) => {
      runner.off('exit', ended);
      if ('error' in answer) reject(new Error(answer.error));
      else resolve(answer as Of);
    });
    runner.send(task);
  });
}

type Row = {
  readonly variant: string;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly msPerBatch: number;
  /** Memory of the card that the process holds, in MB; null where it cannot be read. */
  readonly deviceMb: number | null;
  readonly shareOfPeak: number | null;
  readonly toSingles: number;
  readonly toCpu: number | null;
};
const rows: Row[] = [];
/** Whether a batch gave other outputs than its films, or a model did not run. */
let wrong = false;
const notMeasured: { readonly variant: string; readonly batch?: number; readonly reason: string }[] = [];

/** Measure one variant. All batch sizes take turns in each round. */
async function sweep(runner: ChildProcess, { id, file, resolution, precision, input, cost }: Variant): Promise<void> {
  const before = device === 'cuda' ? cardMemory() : undefined;
  const setup = { path: join(family.folder, file), variant: { resolution, input }, device, threads } as const;
  const { fixedBatch } = await ask<Opened>(runner, { kind: 'open', setup });
  const checked = new Map<number, Checked & { deviceMb: number | null }>();
  for (const batch of batches) {
    if (fixedBatch !== null && batch !== fixedBatch) {
      notMeasured.push({ variant: id, batch, reason: `the graph has a fixed batch of ${fixedBatch}` });
      continue;
    }
    try {
      const check = await ask<Checked>(runner, { kind: 'check', batch });
      const used = before === undefined ? undefined : cardMemory();
      const deviceMb = before === undefined || used === undefined ? null : used - before;
      // A difference that is not a number fails too.
      if (check.toSingles <= mostDifference) checked.set(batch, { ...check, deviceMb });
      else {
        wrong = true;
        const reason = `an output differs from that of the film alone by ${check.toSingles}, more than ${mostDifference}`;
        notMeasured.push({ variant: id, batch, reason });
      }
    } catch (error) {
      // A batch that exceeds the memory of the device. Larger ones do too.
      notMeasured.push({ variant: id, batch, reason: messageOf(error) });
      break;
    }
  }
  const batchMs = new Map<number, number[]>();
  for (let round = 0; round < rounds; round++)
    for (const batch of checked.keys()) {
      const measured = await ask<Measured>(runner, { kind: 'measure', batch, seconds });
      batchMs.set(batch, [...(batchMs.get(batch) ?? []), ...measured.batchMs]);
    }
  const peak = peaks?.get(precision);
  for (const [batch, check] of checked) {
    const msPerBatch = percentile(batchMs.get(batch) ?? [], 0.5);
    const imagesPerSecond = (1000 * batch) / msPerBatch;
    const share = peak === undefined ? null : shareOfPeak(cost.gmacs, imagesPerSecond, peak);
    rows.push({ variant: id, batch, imagesPerSecond, msPerBatch, shareOfPeak: share, ...check });
  }
}

const loadBefore = loadavg()[0] ?? 0;
for (const variant of variants ?? known) {
  const runner = fork(join(import.meta.dirname, 'runner.ts'));
  try {
    await sweep(runner, variant);
  } catch (error) {
    wrong = true;
    notMeasured.push({ variant: variant.id, reason: messageOf(error) });
  } finally {
    runner.kill();
  }
}

const result = {
  machine: `${processors()[0]?.model}, ${cpus()} processors`,
  card: device === 'cuda' ? (cardName() ?? 'unknown: nvidia-smi does not answer') : null,
  ...{ date: new Date().toISOString().slice(0, 10), node: process.version, device, threads, rounds, seconds },
  loadAverage: { before: loadBefore, after: loadavg()[0] },
  peakTflops: peaks ? Object.fromEntries(peaks) : null,
  ...{ rows, notMeasured },
};
console.log(
  `${result.card ? `${result.card}; ` : ''}${result.machine}, Node ${result.node}, ${result.date}. Load average ${loadBefore.toFixed(1)} before, ${loadavg()[0]?.toFixed(1)} after.`,
);
console.log(
  `Device ${device}, one process per variant, copies to and from the device included, medians, rounds: ${rounds}, ${seconds} s per batch size and round.`,
);
const digits = (value: number | null) => (value === null ? '-' : Number(value.toPrecision(3)));
console.table(
  rows.map((row) => ({
    ...{ variant: row.variant, batch: row.batch, 'images/s': digits(row.imagesPerSecond) },
    ...{ 'ms per batch': digits(row.msPerBatch), 'device MB': digits(row.deviceMb) },
    ...(peaks && { '% of peak': digits(row.shareOfPeak === null ? null : 100 * row.shareOfPeak) }),
    'difference to single films': digits(row.toSingles),
    ...(device === 'cuda' && { 'logits, difference to the CPU': digits(row.toCpu) }),
  })),
);
for (const { variant, batch, reason } of notMeasured)
  console.log(`Not measured: ${variant}${batch === undefined ? '' : ` with a batch of ${batch}`}: ${reason}`);
console.log(
  peaks
    ? `The peak (${[...peaks].map(([precision, peak]) => `${precision} ${peak}`).join(', ')} TFLOPS) is the one of --peak-tflops; it was not measured.`
    : 'Without --peak-tflops no share of the peak is printed.',
);
if (device === 'cuda' && rows.length === 0)
  console.log(
    'docs/performance.md, On a GPU, says how to add the CUDA provider of ONNX Runtime. --device cpu measures on the CPU.',
  );
console.log(`The service runs one film per thread, which is a batch of 1: the other rows show what a batch would gain. The router compares costs with decoding, which a catalog has per device:
  ALARA_DEVICE=cuda alara catalog measure --write
writes those of a GPU into catalog.json of the family. Then publish the family again (alara catalog measure --help).`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
process.exitCode = wrong || rows.length === 0 ? 1 : 0;
