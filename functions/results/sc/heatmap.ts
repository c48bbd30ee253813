import type { Film } from '../../core/film.ts';
import type { Heatmap } from '../../core/heatmap.ts';
import type { Picture } from './picture.ts';

/** How bright a pixel stays where the model did not look. */
const dimmed = 0.25;

/**
 * A small copy of a film, bright where a finding's heat map is high and dim elsewhere. Only what raises the logit counts:
 * the picture says what spoke for the finding.
 *
 * @param film the size of the film that the heat map lies on.
 */
export function spotlight(small: Picture, heatmap: Heatmap, film: Pick<Film, 'width' | 'height'>): Picture {
  const { rows, columns, values, region } = heatmap;
  const most = Math.max(0, ...values);
  const cell = (row: number, column: number) => {
    const [y, x] = [clamp(row, rows), clamp(column, columns)];
    return most > 0 ? Math.max(0, values[y * columns + x] ?? 0) / most : 0;
  };
  /** Bilinear between the centres of cells. */
  const heat = (row: number, column: number) => {
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
    return Math.round(gray * (dimmed + (1 - dimmed) * heat(row, column)));
  });
  return { ...small, pixels };
}

const clamp = (index: number, count: number) => Math.min(Math.max(index, 0), count - 1);
