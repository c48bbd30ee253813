import { createHash } from 'node:crypto';
import type { Film } from '../core/film.ts';

/** SHA-256 of the size and the pixels of a film, in hexadecimal. Equal films have equal digests, also if the file formats differ. */
export function filmDigest({ width, height, pixels }: Film): string {
  return createHash('sha256').update(`${width}x${height}x${pixels.BYTES_PER_ELEMENT} `).update(pixels).digest('hex');
}
