import { createHash } from 'node:crypto';
import type { Film, PixelSource } from '../core/film.ts';

/**
 * SHA-256 of a film, in hexadecimal. It does not depend on the resolution at which the film was decoded. Without `source`, it is
 * the digest of the size and the pixels: equal films have equal digests, also if the file formats differ. With `source`, it is the
 * digest of the data that determine the pixels, because the pixels of the whole film may be unknown.
 */
export function filmDigest({ width, height, pixels }: Film, source?: PixelSource): string {
  const hash = createHash('sha256');
  if (!source) return hash.update(`${width}x${height}x${pixels.BYTES_PER_ELEMENT} `).update(pixels).digest('hex');
  // The length before each part makes the boundaries of the parts unambiguous.
  for (const part of source) hash.update(`${Buffer.byteLength(part)} `).update(part);
  return hash.digest('hex');
}
