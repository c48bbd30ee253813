import type { Film } from '../../core/film.ts';
import type { Heatmap } from '../../core/heatmap.ts';
import type { Picture } from './picture.ts';

/** Brightness relative to the film where the heat map is zero. */
const minBrightness = 0.25;

/**
 * Darken a small copy of a film where the heat map of a finding is low. Only positive values count, because the picture shows the
 * evidence for the finding.
 *
 * @param film the size of the original film. The heat map is in its coordinates.
 */
export function highlight(small: Picture, heatmap: Heatmap, film: Pick<Film, 'width' | 'height'>): Picture {
  const { rows, columns, values, region } = heatmap;
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
  const pixels = small.pixels.map((gray, index) => {
    const [x, y] = [index % small.width, Math.floor(index / small.width)];
    const column = ((((x + 0.5) * film.width) / small.width - region.left) / region.width) * columns - 0.5;
    const row = ((((y + 0.5) * film.height) / small.height - region.top) / region.height) * rows - 0.5;
    return Math.round(gray * (minBrightness + (1 - minBrightness) * interpolated(row, column)));
  });
  return { ...small, pixels };
}

const clamp = (index: number, count: number) => Math.min(Math.max(index, 0), count - 1);
