import { createHash } from 'node:crypto';
import type { Film } from '../core/film.ts';

/** SHA-256 of the pixels and the size of a film, in hexadecimal: equal for equal films, whatever file they came in. */
export function filmDigest({ width, height, pixels }: Film): string {
  return createHash('sha256').update(`${width}x${height}x${pixels.BYTES_PER_ELEMENT} `).update(pixels).digest('hex');
}
