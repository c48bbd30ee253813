import { type Interval, spanOf } from './interval.ts';

/** The number of pixels with a modality value, without padding. */
export type Level = { readonly value: number; readonly count: number };

/** The values that become black and white, and a description of the rule. */
export type Range = { readonly low: number; readonly high: number; readonly description: string };

/** A film with at most this many bits is already rendered: its values are grays. */
export const renderedBits = 8;
/** Share of pixels below the window, and above the window. */
const tail = 0.001;

/**
 * The window of a film without VOI LUT and without window; docs/rendering.md has the measurements. The lowest and the highest
 * value of the film are ignored, because they are frames, saturation and markers. They are used only if the film has no other
 * values.
 *
 * @param possible the modality values that the stored bits can have, in any order
 */
export function defaultWindow(levels: readonly Level[], possible: readonly number[], bitsStored: number): Range {
  if (bitsStored <= renderedBits) return { low: minimum(possible), high: maximum(possible), description: 'full range' };
  const values = levels.map(({ value }) => value);
  const [lowest, highest] = [minimum(values), maximum(values)];
  const between = levels.filter(({ value }) => value > lowest && value < highest);
  const counted = (between.length > 0 ? between : levels).toSorted((a, b) => a.value - b.value);
  return {
    low: quantile(counted, tail),
    high: quantile(counted, 1 - tail),
    description: 'percentiles 0.1 to 99.9 without the lowest and highest value',
  };
}

/** Share of the darkest and of the brightest pixels to ignore: markers, borders and saturated corners. */
const bulkTail = 0.01;

/** The range of nearly all pixels; the range of all pixels if nearly all have one value. */
export function bulkRange(levels: readonly Level[]): Interval {
  const sorted = levels.toSorted((a, b) => a.value - b.value);
  const bulk = { low: quantile(sorted, bulkTail), high: quantile(sorted, 1 - bulkTail) };
  return bulk.high > bulk.low ? bulk : spanOf(levels.map(({ value }) => value));
}

const minimum = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const maximum = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** A quantile of ascending values, with linear interpolation between two neighbours, as in NumPy. */
function quantile(levels: readonly Level[], share: number): number {
  const pixels = levels.reduce((sum, { count }) => sum + count, 0);
  const rank = share * (pixels - 1);
  const below = atRank(levels, Math.floor(rank));
  return below + (rank - Math.floor(rank)) * (atRank(levels, Math.ceil(rank)) - below);
}

function atRank(levels: readonly Level[], rank: number): number {
  let passed = 0;
  for (const { value, count } of levels) {
    passed += count;
    if (rank < passed) return value;
  }
  return levels.at(-1)?.value ?? 0;
}
