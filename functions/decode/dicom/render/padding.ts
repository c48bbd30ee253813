import { tags } from '../../../core/dicom-dictionary.ts';
import type { Image } from '../image.ts';
import type { Attributes } from '../parse/attributes.ts';
import { pixelRange } from './interval.ts';

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
