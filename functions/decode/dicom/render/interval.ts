import type { Image } from '../image.ts';

/** The minimum and the maximum of a value. */
export type Interval = { readonly low: number; readonly high: number };

/** The range of values that the stored bits of a pixel can represent. */
export function pixelRange({ bitsStored, isSigned }: Pick<Image, 'bitsStored' | 'isSigned'>): Interval {
  const low = isSigned ? -(2 ** (bitsStored - 1)) : 0;
  return { low, high: low + 2 ** bitsStored - 1 };
}

/** The smallest interval that contains all values. */
export const spanOf = (values: Iterable<number>): Interval => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return { low, high };
};
