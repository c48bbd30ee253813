import { type Film, white } from '../core/film.ts';

/** Sample every seventh pixel. Seven rarely divides an image width, so the samples come from all columns. */
const stride = 7;

/**
 * How colourful an image is, in [0, 1]: the mean difference between the largest and the smallest of the first three bands,
 * divided by full range. A gray film that is saved as RGB has 0.
 */
export function chroma(film: Pick<Film, 'pixels'>, bands: number): number {
  const { pixels } = film;
  let sum = 0;
  let count = 0;
  for (let i = 0; i + 2 < pixels.length; i += stride * bands) {
    const red = pixels[i] ?? 0;
    const green = pixels[i + 1] ?? 0;
    const blue = pixels[i + 2] ?? 0;
    sum += Math.max(red, green, blue) - Math.min(red, green, blue);
    count++;
  }
  return count === 0 ? 0 : sum / count / white(film);
}
