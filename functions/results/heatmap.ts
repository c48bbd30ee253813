import sharp from 'sharp';
import type { Heatmap } from '../core/heatmap.ts';

type Size = { readonly width: number; readonly height: number };

/**
 * The heat map of a finding at each pixel of a copy of the film, in row-major order: 1 at its maximum, 0 where it is not positive.
 * Only positive values count, because the map shows the evidence for the finding.
 *
 * @param film the size of the original film. The heat map is in its coordinates.
 */
export function heatmapIntensity({ rows, columns, values, region }: Heatmap, film: Size, copy: Size): Float64Array {
  const maximum = Math.max(0, ...values);
  const cell = (row: number, column: number) => {
    const [y, x] = [clamp(row, rows), clamp(column, columns)];
    return maximum > 0 ? Math.max(0, values[y * columns + x] ?? 0) / maximum : 0;
  };
  /** Bilinear interpolation between the centres of cells. */
  const interpolated = (row: number, column: number) => {
    const [top, left] = [Math.floor(row), Math.floor(column)];
    const [down, right] = [row - top, column - left];
    return (
      (cell(top, left) * (1 - right) + cell(top, left + 1) * right) * (1 - down) +
      (cell(top + 1, left) * (1 - right) + cell(top + 1, left + 1) * right) * down
    );
  };
  return new Float64Array(copy.width * copy.height).map((_, index) => {
    const [x, y] = [index % copy.width, Math.floor(index / copy.width)];
    const column = ((((x + 0.5) * film.width) / copy.width - region.left) / region.width) * columns - 0.5;
    const row = ((((y + 0.5) * film.height) / copy.height - region.top) / region.height) * rows - 0.5;
    return interpolated(row, column);
  });
}

const clamp = (index: number, count: number) => Math.min(Math.max(index, 0), count - 1);

/** The longer side of an overlay in pixels. A heat map is a coarse grid, so more pixels would show no more. */
export const overlaySide = 512;

/** Orange, and its opacity where the heat map has its maximum. */
const colour = [255, 96, 0] as const;
const maxAlpha = 160;

/**
 * The heat map of a finding as a PNG to lay over the film: transparent where the map is not positive. The picture has the aspect
 * ratio of the film.
 */
export async function heatmapOverlay(
  heatmap: Heatmap,
  film: { readonly width: number; readonly height: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const shrink = overlaySide / Math.max(film.width, film.height);
  const width = Math.max(1, Math.round(film.width * shrink));
  const height = Math.max(1, Math.round(film.height * shrink));
  const intensity = heatmapIntensity(heatmap, film, { width, height });
  const pixels = new Uint8Array(4 * width * height);
  intensity.forEach((value, index) => {
    pixels.set([...colour, Math.round(maxAlpha * value)], 4 * index);
  });
  const png = await sharp(pixels, { raw: { width, height, channels: 4 } })
    .png()
    .toBuffer();
  return new Uint8Array(png);
}
