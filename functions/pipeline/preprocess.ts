import type { Input } from '../catalog/schema.ts';
import { type Film, white } from './film.ts';
import { type Px, px } from './units.ts';

/** The size of a film inside a square of `side`: the whole film, aspect ratio kept. */
export function contain({ width, height }: Pick<Film, 'width' | 'height'>, side: Px): { width: Px; height: Px } {
  const scale = side / Math.max(width, height);
  return { width: px(Math.max(1, Math.round(width * scale))), height: px(Math.max(1, Math.round(height * scale))) };
}

/** Centre a film that fits into a square of `side`, on black. */
export function letterbox(film: Film, side: Px): Film {
  if (film.width === side && film.height === side) return film;
  const square = film.pixels instanceof Uint16Array ? new Uint16Array(side * side) : new Uint8Array(side * side);
  const left = Math.floor((side - film.width) / 2);
  const top = Math.floor((side - film.height) / 2);
  for (let row = 0; row < film.height; row++) {
    const line = film.pixels.subarray(row * film.width, (row + 1) * film.width);
    square.set(line, (top + row) * side + left);
  }
  return { width: side, height: side, pixels: square };
}

/** The input tensor of a square film, shape [1, 1, side, side]. */
export function normalise(film: Film, { mean, std }: Pick<Input, 'mean' | 'std'>): Float32Array {
  const full = white(film);
  return Float32Array.from(film.pixels, (value) => (value / full - mean) / std);
}

/** Whether a film has next to no contrast: under 1 % of full range between its darkest and lightest pixel. */
export function isBlank(film: Film): boolean {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of film.pixels) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return high - low < 0.01 * white(film);
}
