import type { Sharp } from 'sharp';
import type { Film } from '../core/film.ts';
import { px } from '../core/units.ts';

/** How libvips names the depths that are read. */
export type Depth = 'uchar' | 'ushort';

/** Run a pipeline to raw pixels. */
export async function raw(pipeline: Sharp, depth: Depth): Promise<{ film: Film; bands: 1 | 2 | 3 | 4 }> {
  const { data, info } = await pipeline.raw({ depth }).toBuffer({ resolveWithObject: true });
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  // Words need an even address, which only a copy is sure to have.
  const values = depth === 'ushort' ? new Uint16Array(bytes.slice().buffer) : bytes;
  return { film: { width: px(info.width), height: px(info.height), pixels: values }, bands: info.channels };
}
