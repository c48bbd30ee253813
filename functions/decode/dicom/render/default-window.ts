import { type Interval, spanOf } from './interval.ts';

/** How often a modality value occurs in a film, padding left out. */
export type Level = { readonly value: number; readonly count: number };

/** What is shown between black and white, and in words why. */
export type Range = { readonly low: number; readonly high: number; readonly words: string };

/** A film of so few bits is rendered already: its values are grays. */
const renderedBits = 8;
const tail = 0.001;

/**
 * What a film is shown by that brings neither VOI LUT nor window; measured in docs/rendering.md. Its lowest and its
 * highest value are left out, where it has others: they are frames, saturation and markers.
 *
 * @param possible the modality values that its stored bits can have, in any order
 */
export function defaultWindow(levels: readonly Level[], possible: readonly number[], bitsStored: number): Range {
  if (bitsStored <= renderedBits) return { low: least(possible), high: greatest(possible), words: 'full range' };
  const values = levels.map(({ value }) => value);
  const [lowest, highest] = [least(values), greatest(values)];
  const between = levels.filter(({ value }) => value > lowest && value < highest);
  const counted = (between.length > 0 ? between : levels).toSorted((a, b) => a.value - b.value);
  return {
    low: quantile(counted, tail),
    high: quantile(counted, 1 - tail),
    words: 'percentiles 0.1 to 99.9 between its extremes',
  };
}

/** Leaves out markers, borders and saturated corners. */
const bulkTail = 0.01;

/** The range in which nearly all pixels lie; where that is one value, the range of all of them. */
export function bulkOf(levels: readonly Level[]): Interval {
  const sorted = levels.toSorted((a, b) => a.value - b.value);
  const bulk = { low: quantile(sorted, bulkTail), high: quantile(sorted, 1 - bulkTail) };
  return bulk.high > bulk.low ? bulk : spanOf(levels.map(({ value }) => value));
}

const least = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const greatest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** A quantile of counted values in ascending order, linear between its two neighbours, as NumPy has it. */
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
