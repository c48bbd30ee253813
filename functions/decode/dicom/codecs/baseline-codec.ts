import sharp from 'sharp';
import { fail, ok } from '../../../core/result.ts';
import { maxPixels } from '../../limits.ts';
import { toRawPixels } from '../../raw.ts';
import type { Codec } from './codec-types.ts';

/**
 * Decode JPEG of 8 bits by the codec of image files: a damaged stream has one verdict by both routes, and the native library takes
 * less time than one in WebAssembly.
 */
export const baselineCodec: Codec = async ({ bytes, shape }) => {
  try {
    const image = sharp(bytes, { failOn: 'warning', limitInputPixels: maxPixels });
    const { film, bands } = await toRawPixels(image.toColourspace('b-w'), 'uchar');
    return bands === 1 && film.pixels.length === shape.rows * shape.columns ? ok(film.pixels) : fail('damaged');
  } catch {
    return fail('damaged');
  }
};
