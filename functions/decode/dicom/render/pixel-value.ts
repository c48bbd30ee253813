import { tags } from '../../../core/dicom-dictionary.ts';
import type { Shape } from '../codecs/shape.ts';
import type { Image } from '../image.ts';
import type { Attributes } from '../parse/attributes.ts';
import { pixelRange } from './interval.ts';

/** The type of the samples of a compressed stream. */
export type Samples = Pick<Shape, 'precision' | 'isSigned' | 'isLossy'>;

/**
 * A function that extracts the pixel value from a word (PS3.5, 8.1.1). Only the stored bits are used, because other bits may be an
 * overlay in older files. The samples of a lossy stream can exceed the range of the stored bits, so they are clamped.
 */
export function pixelValue(image: Image, samples: Samples | null): (word: number) => number {
  const { bitsStored, highBit, isSigned } = image;
  const shift = highBit + 1 - bitsStored;
  const [low, high] = isSigned ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
  if (
    samples &&
    shift === 0 &&
    (samples.isLossy || samples.precision < bitsStored) &&
    (isSigned || !samples.isSigned)
  ) {
    const sample = isSigned ? (word: number) => signExtend(word, samples.precision) : (word: number) => word;
    return (word) => Math.max(low, Math.min(high, sample(word)));
  }
  const range = 2 ** bitsStored;
  return (word) => {
    const value = (word >> shift) & (range - 1);
    return isSigned ? signExtend(value, bitsStored) : value;
  };
}

/** The number in the lower bits of a word, in two's complement. */
function signExtend(word: number, bits: number): number {
  const value = word & (2 ** bits - 1);
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/**
 * A test whether a pixel is padding (PS3.3, C.7.5.1.1.2). The test compares the pixel value. Some devices use a padding value that
 * the stored bits cannot represent. The test then compares the whole word.
 */
export function paddingTest(attributes: Attributes, image: Image): (word: number, value: number) => boolean {
  const read = (tag: typeof tags.pixelPaddingValue | typeof tags.pixelPaddingRangeLimit) =>
    image.isSigned ? attributes.int16(tag) : attributes.uint16(tag);
  const value = read(tags.pixelPaddingValue);
  if (value === undefined) return () => false;
  const limit = read(tags.pixelPaddingRangeLimit) ?? value;
  const [low, high] = value < limit ? [value, limit] : [limit, value];
  const within = (candidate: number) => candidate >= low && candidate <= high;
  const stored = pixelRange(image);
  if (low >= stored.low && high <= stored.high) return (_, candidate) => within(candidate);
  return image.isSigned ? (word) => within((word << 16) >> 16) : (word) => within(word);
}
