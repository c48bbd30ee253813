import type { Film } from '../../core/film.ts';
import type { Heatmap } from '../../core/heatmap.ts';
import { heatmapIntensity } from '../heatmap-intensity.ts';
import type { Picture } from './picture.ts';

/** Brightness relative to the film where the heat map is zero. */
const minBrightness = 0.25;

/**
 * Darken a small copy of a film where the heat map of a finding is low.
 *
 * @param film the size of the original film. The heat map is in its coordinates.
 */
export function highlight(small: Picture, heatmap: Heatmap, film: Pick<Film, 'width' | 'height'>): Picture {
  const intensity = heatmapIntensity(heatmap, film, small);
  const pixels = small.pixels.map((gray, index) =>
    Math.round(gray * (minBrightness + (1 - minBrightness) * (intensity[index] ?? 0))),
  );
  return { ...small, pixels };
}
