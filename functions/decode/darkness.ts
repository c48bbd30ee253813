import { type Film, white } from '../core/film.ts';
import type { ReadingWarning } from '../core/warning.ts';

/**
 * Share of the brightest pixels to ignore, because a burned-in marker is white even on a dark film.
 * Of 1 421 correct films (docs/rendering.md), none has a 98th percentile below 57 % of white.
 */
const ignoredShare = 0.02;
/** Number of pixels to sample. It gives the share of the brightest pixels to 0.1 % of the film. */
const sampleCount = 100_000;
/** A film with one unused bit has no pixel above half of white. */
const darkBelow = 0.5;

/**
 * A warning if at most 2 % of the pixels are brighter than half of white, for example in a 16-bit file that holds 10 to
 * 15 bits. The models were trained on films that use the full range. A dark film gives other probabilities than the same
 * film scaled to the full range.
 */
export function darkFilmWarning(film: Film): ReadingWarning | undefined {
  const { pixels } = film;
  // The upper eight bits are enough: half of white lies between two of their levels, and the table stays small.
  const shift = white(film) === 255 ? 0 : 8;
  const counts = new Uint32Array(256);
  // An odd step rarely divides the width, so the samples come from all columns.
  const step = Math.floor(pixels.length / sampleCount) | 1;
  let sampled = 0;
  for (let i = 0; i < pixels.length; i += step, sampled++) {
    const level = (pixels[i] ?? 0) >> shift;
    counts[level] = (counts[level] ?? 0) + 1;
  }
  let brightest = 255;
  for (let brighter = counts[255] ?? 0; brighter <= ignoredShare * sampled && brightest > 0; )
    brighter += counts[--brightest] ?? 0;
  if (brightest >= darkBelow * 255) return undefined;
  const percent = `${((100 * brightest) / 255).toFixed(1)} %`;
  return {
    code: 'dark_film',
    message: `98 % of the pixels have at most ${percent} of the brightness of white. The film was read without scaling. If the file was exported with unused bits, scale the pixel values to the full range and send the file again.`,
    found: percent,
  };
}
