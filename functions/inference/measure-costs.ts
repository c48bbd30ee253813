import { globSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import sharp from 'sharp';
import type { Variant } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import { contain, type Decoded } from '../core/film.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { px } from '../core/units.ts';
import { decode } from '../decode/decode.ts';
import { resize } from '../decode/resize.ts';
import { sniff } from '../decode/sniff.ts';
import type { LoadedFamily } from '../models/load.ts';
import type { MeasuredCosts } from '../models/measured-costs.ts';
import { releaseMemory } from '../platform/release-memory.ts';
import { isBlank, letterbox, normalise } from '../reading/preprocess.ts';
import { createSessions, type Device } from './session.ts';

/** A film for the measurement. `name` describes it in the result, so it must contain no patient data. */
export type ReferenceFilm = { readonly name: string; readonly bytes: Uint8Array; readonly mediaType: string };

/** The side of the bundled reference film in pixels. */
const bundledSide = 1024;

/** The reference film that comes with the program: a chest film as a gray PNG with 8 bits. */
export async function bundledFilm(): Promise<ReferenceFilm> {
  // The bundle is in the same folder as test-films/.
  const path = import.meta.url.endsWith('.ts') ? '../api/test-films/chest.jpg' : './test-films/chest.jpg';
  const bytes = await sharp(await readFile(new URL(path, import.meta.url)))
    .resize(bundledSide, bundledSide, { fit: 'contain', background: 'black' })
    .toColourspace('b-w')
    // Most writers of PNG filter their rows.
    .png({ adaptiveFiltering: true })
    .toBuffer();
  return { name: 'bundled film', bytes, mediaType: 'image/png' };
}

/** Rounds before the measurement: models load, caches fill, and V8 compiles the stages. */
const warmUpRounds = 3;

/**
 * Measure what a film costs on this device, with the stages that read films and one thread. The variants take turns in every round, so that
 * other work on the machine affects all of them alike. The costs are medians over the rounds.
 */
export async function measureCosts(
  { catalog, digest, ...models }: LoadedFamily,
  device: Device,
  film: ReferenceFilm,
  rounds: number,
): Promise<Result<MeasuredCosts, Fault>> {
  // As in a thread of the pool.
  sharp.concurrency(1);
  sharp.cache(false);
  const sessions = createSessions({ family: models, device, threads: 1 });
  const { variants } = catalog;
  const byResolution = Map.groupBy(variants, ({ resolution }) => px(resolution));
  let whole: Decoded | undefined;
  const decodeMs = new Map<string, number[]>();
  const restMs = new Map<string, number[]>();
  for (let round = -warmUpRounds; round < rounds; round++) {
    for (const [resolution, sharing] of byResolution) {
      const start = performance.now();
      const decoded = await decode(film.bytes, film.mediaType, { sides: [resolution] });
      const decodedMs = performance.now() - start;
      if (!decoded.ok) return decoded;
      whole ??= decoded.value;
      for (const variant of sharing) {
        const from = performance.now();
        const ran = await run(variant, decoded.value, sessions);
        if (!ran.ok) return ran;
        if (round < 0) continue;
        add(restMs, variant.id, performance.now() - from);
        add(decodeMs, variant.id, decodedMs);
      }
      releaseMemory(decoded.value.film.pixels);
    }
  }
  if (!whole) throw new Error('a catalog has at least one variant');
  const rows = variants.map(({ id }) => [
    id,
    { decodeMs: median(decodeMs.get(id) ?? []), ms: median(restMs.get(id) ?? []) },
  ]);
  const described = describe(film, whole);
  return ok({
    family: catalog.family,
    catalog: `sha256:${digest}`,
    device,
    measuredOn: `${device === 'cuda' ? `${accelerator()}, ` : ''}${processor()}, onnxruntime ${env.versions.node}, 1 thread, batch 1, ${described}, median, rounds: ${rounds}, ${new Date().toISOString().slice(0, 10)}`,
    film: described,
    rounds,
    variants: Object.fromEntries(rows),
  });
}

/** Everything after decoding, as in `read()`. */
async function run(
  variant: Variant,
  { film, fullSize = film }: Decoded,
  sessions: ReturnType<typeof createSessions>,
): Promise<Result<null, Fault>> {
  const side = px(variant.resolution);
  const resized = await resize(film, contain(fullSize, side));
  if (isBlank(resized)) return fail({ code: 'blank_image' });
  const tensor = normalise(letterbox(resized, side), variant.input);
  const inferred = await sessions.infer(variant, tensor);
  if (!inferred.ok) return inferred;
  releaseMemory(tensor);
  if (resized !== film) releaseMemory(resized.pixels);
  return ok(null);
}

function add(samples: Map<string, number[]>, key: string, value: number): void {
  const known = samples.get(key);
  if (known) known.push(value);
  else samples.set(key, [value]);
}

/** The median, rounded to a hundredth of a millisecond as in a catalog. A cost is never 0. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1] ?? 0, sorted[sorted.length >> 1] ?? 0];
  return Math.max(0.01, Number(((low + high) / 2).toFixed(2)));
}

const formats = { 'image/png': 'PNG', 'image/jpeg': 'JPEG', 'application/dicom': 'DICOM' } as const;

/** The film in words: its format and its size. */
function describe({ name, bytes }: ReferenceFilm, { film, fullSize = film, dicom }: Decoded): string {
  const format = formats[sniff(bytes) ?? 'image/png'];
  const syntax = dicom ? ` (transfer syntax ${dicom.view.transferSyntax})` : '';
  const bits = dicom?.view.bits ?? (film.pixels instanceof Uint16Array ? 16 : 8);
  return `${name}: ${format}${syntax} of ${fullSize.width} × ${fullSize.height} px with ${bits} bits`;
}

/** The name of the processor, and its instructions for int8. */
function processor(): string {
  const model = cpus()[0]?.model.replaceAll('(R)', '').replaceAll(/\s+/g, ' ').trim() ?? '';
  // Node knows the names of few ARM processors.
  const name = model === '' || model === 'unknown' ? process.arch : model;
  const flags = textOf('/proc/cpuinfo');
  const vnni = ['avx512_vnni', 'avx_vnni'].find((flag) => flags.includes(flag));
  return vnni === undefined ? name : `${name} (${vnni.toUpperCase().replace('_', '-')})`;
}

/** The names of the accelerators, by the driver of NVIDIA. */
function accelerator(): string {
  const models = globSync('/proc/driver/nvidia/gpus/*/information').map(
    (path) => /^Model:\s*(.+)$/m.exec(textOf(path))?.[1]?.trim() ?? '',
  );
  return [...new Set(models.filter(Boolean))].join(' and ') || 'CUDA device';
}

/** The text of a file of the kernel. Empty where there is none. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
