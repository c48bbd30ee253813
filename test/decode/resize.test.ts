import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Film } from '../../functions/core/film.ts';
import { px } from '../../functions/core/units.ts';
import { resize } from '../../functions/decode/resize.ts';
import { phantom } from '../support/image-files.ts';

const { width, height, values } = phantom(300, 200);
const shallow: Film = { width: px(width), height: px(height), pixels: Uint8Array.from(values) };
const deep: Film = { ...shallow, pixels: Uint16Array.from(values, (value) => value * 257) };
const size = (w: number, h: number) => ({ width: px(w), height: px(h) });
const mean = ({ pixels }: Film) => Array.from(pixels).reduce((sum, value) => sum + value, 0) / pixels.length;

describe('resize', () => {
  test('gives exactly the requested size, larger or smaller, in the depth of the film', async () => {
    const side = fc.integer({ min: 1, max: 600 });
    await fc.assert(
      fc.asyncProperty(side, side, fc.constantFrom(shallow, deep), async (w, h, film) => {
        const resized = await resize(film, size(w, h));
        expect(resized).toMatchObject({ width: w, height: h });
        expect(resized.pixels).toHaveLength(w * h);
        expect(resized.pixels.constructor).toBe(film.pixels.constructor);
      }),
      { numRuns: 40 },
    );
  });

  test('to the same size returns the film itself', async () => {
    expect(await resize(deep, size(300, 200))).toBe(deep);
  });

  test('keeps a flat film flat: no ringing at the edges and no change of level', async () => {
    for (const level of [1, 137, 254]) {
      const flat: Film = { ...shallow, pixels: new Uint8Array(60_000).fill(level) };
      expect(new Set((await resize(flat, size(256, 171))).pixels)).toEqual(new Set([level]));
      expect(new Set((await resize(flat, size(512, 341))).pixels)).toEqual(new Set([level]));
    }
  });

  test('averages pixels instead of dropping them, and equally in both depths', async () => {
    const [a, b] = [await resize(shallow, size(150, 100)), await resize(deep, size(150, 100))];
    expect(mean(a)).toBeCloseTo(mean(shallow), 0);
    expect(Math.max(...Array.from(a.pixels, (value, i) => Math.abs(value - (b.pixels[i] ?? 0) / 257)))).toBeLessThan(2);
  });

  test('keeps left and top', async () => {
    const marked: Film = { ...shallow, pixels: new Uint8Array(60_000) };
    marked.pixels.fill(255, 0, 300 * 20);
    for (let row = 0; row < 200; row++) marked.pixels.fill(128, row * 300, row * 300 + 30);
    const { pixels } = await resize(marked, size(30, 20));
    expect([pixels[30 * 10], pixels[15], pixels[30 * 19 + 29]]).toEqual([128, 255, 0]);
  });
});
