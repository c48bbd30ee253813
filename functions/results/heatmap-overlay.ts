import sharp from 'sharp';
import type { Heatmap } from '../core/heatmap.ts';
import { heatmapIntensity } from './heatmap-intensity.ts';

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
