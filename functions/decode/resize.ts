import sharp from 'sharp';
import type { Film } from '../core/film.ts';
import { maxPixels } from './limits.ts';
import { raw } from './raw.ts';

/** Resize with the training kernel, in the film's own depth; no shrink-on-load, no sharpening. */
export async function resize(film: Film, { width, height }: Pick<Film, 'width' | 'height'>): Promise<Film> {
  if (film.width === width && film.height === height) return film;
  const deep = film.pixels instanceof Uint16Array;
  const source = sharp(film.pixels, {
    raw: { width: film.width, height: film.height, channels: 1 },
    limitInputPixels: maxPixels,
  });
  const resized = source.resize({ width, height, fit: 'fill', kernel: 'lanczos3' });
  return (await raw(resized.toColourspace(deep ? 'grey16' : 'b-w'), deep ? 'ushort' : 'uchar')).film;
}
