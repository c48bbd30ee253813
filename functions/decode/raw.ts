import type { Sharp } from 'sharp';
import type { Film } from '../core/film.ts';
import { px } from '../core/units.ts';

/** The supported depths of a sample, by the names of libvips. */
export type Depth = 'uchar' | 'ushort';

/** Run a sharp pipeline and return the raw pixels. */
export async function toRawPixels(pipeline: Sharp, depth: Depth): Promise<{ film: Film; bands: 1 | 2 | 3 | 4 }> {
  const { data, info } = await pipeline.raw({ depth }).toBuffer({ resolveWithObject: true });
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const values = depth === 'ushort' ? wordsOf(bytes) : bytes;
  return { film: { width: px(info.width), height: px(info.height), pixels: values }, bands: info.channels };
}

/** The words in bytes. A Uint16Array needs an even byte offset. A copy starts at offset 0. */
function wordsOf(bytes: Uint8Array): Uint16Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(buffer, byteOffset, length / 2);
}
