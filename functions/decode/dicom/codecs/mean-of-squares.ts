import type { Size } from '../../../core/film.ts';
import { halved } from '../../halving.ts';

type Words = Uint8Array | Uint16Array;

/**
 * Halve a frame of unsigned words. Each new word is the rounded mean of a square of four words, of two at an odd edge. Undefined if
 * a word exceeds the stored bits: such bits are no part of the pixel value.
 */
export function meanOfSquares(words: Words, { width, height }: Size, bitsStored: number): Words | undefined {
  const [columns, rows] = [halved(width, 1), halved(height, 1)];
  const means = words instanceof Uint16Array ? new Uint16Array(columns * rows) : new Uint8Array(columns * rows);
  let used = 0;
  for (let row = 0, to = 0; row < rows; row++) {
    const start = 2 * row * width;
    const end = start + width;
    // At an odd edge, a line or a column counts twice.
    const below = 2 * row + 1 < height ? width : 0;
    for (let at = start; at < end; at += 2, to++) {
      const right = at + 1 < end ? at + 1 : at;
      const topLeft = words[at] ?? 0;
      const topRight = words[right] ?? 0;
      const bottomLeft = words[at + below] ?? 0;
      const bottomRight = words[right + below] ?? 0;
      used |= topLeft | topRight | bottomLeft | bottomRight;
      means[to] = (topLeft + topRight + bottomLeft + bottomRight + 2) >> 2;
    }
  }
  return used >> bitsStored === 0 ? means : undefined;
}
