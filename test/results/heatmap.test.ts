import sharp from 'sharp';
import { expect, test } from 'vitest';
import { heatmapOverlay, overlaySide } from '../../functions/results/heatmap.ts';

/** The alpha channel at a place of the film, both coordinates as shares of its size. */
async function alphaAt(png: Uint8Array, places: readonly (readonly [number, number])[]) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect(info.channels).toBe(4);
  return places.map(([x, y]) => {
    const at = Math.floor(y * info.height) * info.width + Math.floor(x * info.width);
    return data[4 * at + 3];
  });
}

// The grid covers a square around a film that is twice as wide as high: rows 1 and 2 of 4 lie on the film.
const values = [9, 9, 9, 9, 0, 0, 0, 2, -1, 0, 0, 0, 9, 9, 9, 9].map((value) => Math.min(value, 2));
const heatmap = { rows: 4, columns: 4, values, region: { left: 0, top: -500, width: 2000, height: 2000 } };

test('an overlay has the aspect ratio of the film, is opaque most at the maximum and transparent without evidence', async () => {
  const png = await heatmapOverlay(heatmap, { width: 2000, height: 1000 });
  expect(await sharp(png).metadata()).toMatchObject({ format: 'png', width: overlaySide, height: overlaySide / 2 });
  const centre = (column: number, row: number) => [(column + 0.5) / 4, (row + 0.5) / 2] as const;
  const [maximum = 0, zero, negative] = await alphaAt(png, [centre(3, 0), centre(1, 0), centre(0, 1)]);
  expect(maximum).toBeGreaterThan(150);
  // Each sampled pixel lies half a pixel beside the centre of its cell.
  expect(Math.max(zero ?? 255, negative ?? 255)).toBeLessThan(3);
});

test('an overlay without positive values is transparent', async () => {
  const png = await heatmapOverlay({ ...heatmap, values: values.map(() => -1) }, { width: 10, height: 5000 });
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([1, overlaySide]);
  expect(data.filter((_, index) => index % 4 === 3).every((alpha) => alpha === 0)).toBe(true);
});
