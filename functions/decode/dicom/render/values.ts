import type { Shape } from '../codecs/shape.ts';
import type { Image } from '../image.ts';

/** What the samples of a compressed stream are like. */
export type Samples = Pick<Shape, 'precision' | 'signed' | 'lossy'>;

/**
 * The pixel value in a word (PS3.5, 8.1.1): the stored bits at their place, without what else lies in the word,
 * such as an overlay of the older standard. A lossy codec overshoots, where its stream has more bits than are stored:
 * its samples are values, and saturate.
 */
export function valueIn(image: Image, samples: Samples | null): (word: number) => number {
  const { bitsStored, highBit, signed } = image;
  const shift = highBit + 1 - bitsStored;
  const [low, high] = signed ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
  if (samples && shift === 0 && (samples.lossy || samples.precision < bitsStored) && (signed || !samples.signed)) {
    const sample = signed ? (word: number) => withSign(word, samples.precision) : (word: number) => word;
    return (word) => Math.max(low, Math.min(high, sample(word)));
  }
  const range = 2 ** bitsStored;
  return (word) => {
    const value = (word >> shift) & (range - 1);
    return signed ? withSign(value, bitsStored) : value;
  };
}

/** A number of so many bits in two's complement, whatever lies above them. */
function withSign(word: number, bits: number): number {
  const value = word & (2 ** bits - 1);
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}
