import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { contain, type Film } from '../../functions/core/film.ts';
import { logit, px } from '../../functions/core/units.ts';
import { decode } from '../../functions/decode/decode.ts';
import { oversampling } from '../../functions/decode/halving.ts';
import { resize } from '../../functions/decode/resize.ts';
import { sniff } from '../../functions/decode/sniff.ts';
import { createSessions } from '../../functions/inference/session.ts';
import { loadFamily } from '../../functions/models/load.ts';
import { calibrate } from '../../functions/reading/calibrate.ts';
import { letterbox, normalise } from '../../functions/reading/preprocess.ts';
import { unwrap } from '../support/family.ts';

/** The results of Python for each film under test/films: `alara-train golden`. */
type Golden = {
  readonly family: string;
  readonly models: Record<string, string>;
  readonly films: {
    readonly film: string;
    readonly sizes: Record<
      string,
      { sha256: string; depth: 'uchar' | 'ushort'; pixels?: string; tensorMiddleRow: number[] }
    >;
    readonly variants: Record<string, { probabilities: Record<string, number>; gate: number[] }>;
  }[];
};

const golden: Golden = JSON.parse(readFileSync('test/parity/golden.json', 'utf8'));
const { catalog, folder } = loadFamily('models', golden.family);
const sessions = createSessions({ family: { folder }, device: 'cpu', threads: 1 });

async function square(name: string, side: number): Promise<Film> {
  const bytes = new Uint8Array(readFileSync(`test/films/${name}`));
  const { film } = unwrap(await decode(bytes, sniff(bytes) ?? ''));
  return letterbox(await resize(film, contain(film, px(side))), px(side));
}

const rawBytes = ({ pixels }: Film) => Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);

test('the golden files belong to the bundled models', () => {
  expect(golden.models).toEqual(Object.fromEntries(catalog.variants.map(({ id, sha256 }) => [id, sha256])));
  expect(golden.films.length).toBeGreaterThanOrEqual(8);
});

test('a film is decoded with the same oversampling in Python and TypeScript', () => {
  const source = readFileSync('training/alara_train/data/pixels.py', 'utf8');
  expect(Number(/^OVERSAMPLING = (.+)$/m.exec(source)?.[1])).toBe(oversampling);
});

describe.each(golden.films)('$film', ({ film, sizes, variants }) => {
  test.each(Object.entries(sizes))('has the same pixels in Python and TypeScript at %s px', async (side, expected) => {
    const found = await square(film, Number(side));
    expect(found.pixels).toBeInstanceOf(expected.depth === 'ushort' ? Uint16Array : Uint8Array);
    if (expected.pixels) {
      // If there are pixels to compare, print the position of the first difference.
      const pixels = gunzipSync(readFileSync(`test/parity/pixels/${expected.pixels}`));
      expect(rawBytes(found).findIndex((byte, i) => byte !== pixels[i])).toBe(-1);
    }
    expect(createHash('sha256').update(rawBytes(found)).digest('hex')).toBe(expected.sha256);
  });

  test.each(Object.entries(sizes))('has the same tensor at %s px to within 1e-6', async (side, { tensorMiddleRow }) => {
    const { input } = catalog.variants.find(({ resolution }) => resolution === Number(side)) ?? expect.fail();
    const tensor = normalise(await square(film, Number(side)), input);
    const start = Math.floor(Number(side) / 2) * Number(side);
    tensorMiddleRow.forEach((value, i) => {
      expect(Math.abs((tensor[start + i] ?? Number.NaN) - value)).toBeLessThanOrEqual(1e-6);
    });
  });

  test.each(Object.entries(variants))('has the same probabilities from %s to within 1e-3', async (id, expected) => {
    const variant = catalog.variants.find((v) => v.id === id) ?? expect.fail();
    const tensor = normalise(await square(film, variant.resolution), variant.input);
    const output = unwrap(await sessions.infer(variant, tensor));
    catalog.findings.forEach((finding, i) => {
      const head = variant.heads[finding] ?? expect.fail();
      const probability = calibrate(logit(output.logits[i] ?? Number.NaN), head.calibration);
      expect(Math.abs(probability - (expected.probabilities[finding] ?? Number.NaN)), finding).toBeLessThanOrEqual(
        1e-3,
      );
    });
    expected.gate.forEach((value, i) => {
      expect(output.gate[i]).toBeCloseTo(value, 2);
    });
  });

  test('has class-activation maps that sum to their logits', async () => {
    // Each logit is its bias plus the sum of its map, so two films differ by the difference of their sums.
    const variant = catalog.variants[0] ?? expect.fail();
    const tensor = normalise(await square(film, variant.resolution), variant.input);
    const blank = new Float32Array(tensor.length).fill((0 - variant.input.mean) / variant.input.std);
    const one = unwrap(await sessions.infer(variant, tensor));
    const other = unwrap(await sessions.infer(variant, blank));
    const cells = one.activation.rows * one.activation.columns;
    const sum = (values: Float32Array, i: number) =>
      values.subarray(i * cells, (i + 1) * cells).reduce((a, b) => a + b, 0);
    catalog.findings.forEach((finding, i) => {
      const maps = sum(one.activation.values, i) - sum(other.activation.values, i);
      const logits = (one.logits[i] ?? 0) - (other.logits[i] ?? 0);
      expect(Math.abs(maps - logits), finding).toBeLessThan(1e-3);
    });
  });
});
