import { describe, expect, test } from 'vitest';
import { Heatmap, heatmap } from '../../functions/core/heatmap.ts';
import { px } from '../../functions/core/units.ts';

const film = (width: number, height: number) => ({ width: px(width), height: px(height), pixels: new Uint8Array(0) });
const activation = { rows: 2, columns: 3, values: Float32Array.from({ length: 18 }, (_, i) => i) };

describe('a heat map', () => {
  test('is the slice of its finding, row by row', () => {
    const maps = [0, 1, 2].map((index) => heatmap(activation, index, film(300, 300)).values);
    expect(maps).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 8, 9, 10, 11],
      [12, 13, 14, 15, 16, 17],
    ]);
  });

  test('covers the square around the film, in pixels of the film', () => {
    const region = (width: number, height: number) => heatmap(activation, 0, film(width, height)).region;
    expect(region(300, 300)).toEqual({ left: 0, top: 0, width: 300, height: 300 });
    expect(region(1000, 701)).toEqual({ left: 0, top: -149.5, width: 1000, height: 1000 });
    expect(region(700, 1000)).toEqual({ left: -150, top: 0, width: 1000, height: 1000 });
  });

  test('matches the schema of the API, with four digits per cell', () => {
    const values = Float32Array.of(0.123456, -123456, 1e-7, 0, -0.1, 5);
    const map = heatmap({ rows: 2, columns: 3, values }, 0, film(10, 10));
    expect(map.values).toEqual([0.1235, -123500, 1e-7, 0, -0.1, 5]);
    expect(Heatmap.parse(map)).toEqual(map);
  });
});
