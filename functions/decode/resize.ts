import sharp from 'sharp';
import type { Film, Size } from '../core/film.ts';
import { releaseMemory } from '../platform/release-memory.ts';
import { maxPixels } from './limits.ts';
import { toRawPixels } from './raw.ts';
import { shrinkFilm, shrinkOf } from './shrink.ts';

/** Resize with the kernel of the training, in the depth of the film. Shrink-on-load and sharpening are not used. */
export async function resize(film: Film, { width, height }: Size): Promise<Film> {
  if (film.width === width && film.height === height) return film;
  const { pixels } = film;
  if (!(pixels instanceof Uint16Array)) return resizeByLibvips(film, { width, height });
  const shrink = shrinkOf(film, { width, height });
  if (shrink === 1) return resizeByLibvips(film, { width, height });
  const shrunk = shrinkFilm({ ...film, pixels }, shrink);
  const resized = await resizeByLibvips(shrunk, { width, height });
  releaseMemory(shrunk.pixels);
  return resized;
}

async function resizeByLibvips({ width, height, pixels }: Film, target: Size): Promise<Film> {
  const is16Bit = pixels instanceof Uint16Array;
  const source = sharp(pixels, { raw: { width, height, channels: 1 }, limitInputPixels: maxPixels });
  const resized = source.resize({ ...target, fit: 'fill', kernel: 'lanczos3' });
  return (await toRawPixels(resized.toColourspace(is16Bit ? 'grey16' : 'b-w'), is16Bit ? 'ushort' : 'uchar')).film;
}
