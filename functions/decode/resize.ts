import sharp from 'sharp';
import type { Film } from '../core/film.ts';
import { maxPixels } from './limits.ts';
import { toRawPixels } from './raw.ts';

/** Resize with the kernel of the training, in the depth of the film. Shrink-on-load and sharpening are not used. */
export async function resize(film: Film, { width, height }: Pick<Film, 'width' | 'height'>): Promise<Film> {
  if (film.width === width && film.height === height) return film;
  const is16Bit = film.pixels instanceof Uint16Array;
  const source = sharp(film.pixels, {
    raw: { width: film.width, height: film.height, channels: 1 },
    limitInputPixels: maxPixels,
  });
  const resized = source.resize({ width, height, fit: 'fill', kernel: 'lanczos3' });
  return (await toRawPixels(resized.toColourspace(is16Bit ? 'grey16' : 'b-w'), is16Bit ? 'ushort' : 'uchar')).film;
}
