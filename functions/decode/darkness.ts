import { type Film, white } from '../core/film.ts';
import type { ReadingWarning } from '../core/warning.ts';

/**
 * The share of pixels that is left out as the brightest: a burned-in marker is white even where the film is dark.
 * Of 1 421 sound films (docs/rendering.md) none has its 98th percentile below 57 % of white.
 */
const ignoredShare = 0.02;
/** So many pixels are enough to tell: the share of the brightest is then known to 0.1 % of the film. */
const samples = 100_000;
/** A film that was exported with one unused bit has nothing above half of white. */
const darkBelow = 0.5;

/**
 * A warning where nearly nothing in a film is brighter than half of white, as in a 16-bit file that holds 10 to 15 bits.
 * The models were trained on films that use the range: such a film gives other probabilities than the same film scaled.
 */
export function darkness(film: Film): ReadingWarning | undefined {
  const { pixels } = film;
  // By the upper eight bits: half of white is between two of these levels, and the table is small.
  const shift = white(film) === 255 ? 0 : 8;
  const counts = new Uint32Array(256);
  // An odd step, so that pixels of all columns are looked at.
  const step = Math.floor(pixels.length / samples) | 1;
  let counted = 0;
  for (let i = 0; i < pixels.length; i += step, counted++) {
    const level = (pixels[i] ?? 0) >> shift;
    counts[level] = (counts[level] ?? 0) + 1;
  }
  let brightest = 255;
  for (let brighter = counts[255] ?? 0; brighter <= ignoredShare * counted && brightest > 0; )
    brighter += counts[--brightest] ?? 0;
  if (brightest >= darkBelow * 255) return undefined;
  const percent = `${((100 * brightest) / 255).toFixed(1)} %`;
  return {
    code: 'dark_film',
    message: `98 % of the pixels are at most ${percent} as bright as white, and the film was read as it is. If the file was exported with unused bits, scale its values to the full range and send it again.`,
    found: percent,
  };
}
