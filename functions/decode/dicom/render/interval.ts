import type { Image } from '../image.ts';

/** The least and the largest that a value can be. */
export type Interval = { readonly low: number; readonly high: number };

/** What the stored bits of a pixel can hold. */
export function pixelRange({ bitsStored, signed }: Pick<Image, 'bitsStored' | 'signed'>): Interval {
  const low = signed ? -(2 ** (bitsStored - 1)) : 0;
  return { low, high: low + 2 ** bitsStored - 1 };
}

/** The least interval that holds all of some values. */
export const spanOf = (values: Iterable<number>): Interval => {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return { low, high };
};
