import { type Film, white } from '../core/film.ts';

/** Every seventh pixel is looked at: unlike eight, seven shares no factor with the usual widths. */
const stride = 7;

/**
 * How colourful an image is: the mean range of its first three bands, as a share of full range, in
 * [0, 1]. Gray films saved as RGB give 0.
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
