import sharp from 'sharp';
import { fail, ok } from '../../../core/result.ts';
import { maxPixels } from '../../limits.ts';
import { toRawPixels } from '../../raw.ts';
import type { Codec } from './codec-types.ts';

/**
 * Decode 8-bit JPEG with the codec of JPEG files. So a damaged stream has the same result in a JPEG file and in a DICOM file. The
 * native library also takes less time than the codec in WebAssembly.
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
