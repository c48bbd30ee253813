import type { Attributes } from './attributes.ts';
import { tags } from './tags.ts';

/** Whether a pixel value is what fills a film up to a rectangle (PS3.3, C.7.5.1.1.2). */
export function paddingTest(attributes: Attributes, signed: boolean): (value: number) => boolean {
  const read = (tag: typeof tags.pixelPaddingValue | typeof tags.pixelPaddingRangeLimit) =>
    signed ? attributes.int16(tag) : attributes.uint16(tag);
  const value = read(tags.pixelPaddingValue);
  if (value === undefined) return () => false;
  const limit = read(tags.pixelPaddingRangeLimit) ?? value;
  const [low, high] = value < limit ? [value, limit] : [limit, value];
  return (candidate) => candidate >= low && candidate <= high;
}
