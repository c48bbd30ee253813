import { type Film, white } from '../film.ts';

/**
 * How colourful an image is: the mean range of its first three channels, as a share of full range, in
 * [0, 1]. Every eighth pixel is looked at. Gray films saved as RGB give 0.
 */
export function chroma(film: Film, bands: number): number {
  const { pixels } = film;
  const step = 8 * bands;
  let sum = 0;
  let count = 0;
  for (let i = 0; i + 2 < pixels.length; i += step) {
    const [r = 0, g = 0, b = 0] = pixels.subarray(i, i + 3);
    sum += Math.max(r, g, b) - Math.min(r, g, b);
    count++;
  }
  return count === 0 ? 0 : sum / count / white(film);
}
