import type { Image } from './image.ts';

/**
 * The pixel value in a word (PS3.5, 8.1.1): the stored bits at their place, without what else lies in the word,
 * such as an overlay of the older standard. Where a lossy codec may overshoot, it saturates instead.
 */
export function valueIn({ bitsStored, highBit, signed }: Image, saturates: boolean): (word: number) => number {
  const shift = highBit + 1 - bitsStored;
  const range = 2 ** bitsStored;
  if (saturates && !signed && shift === 0) return (word) => Math.min(word, range - 1);
  return (word) => {
    const value = (word >> shift) & (range - 1);
    return signed && value >= range / 2 ? value - range : value;
  };
}
