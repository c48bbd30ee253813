import { Precision } from '../../../functions/core/catalog.ts';

/** The batch sizes of a list, each once, in ascending order: the memory of a process grows with the largest batch so far. */
export function parseBatches(list: string): number[] {
  const batches = list.split(',').map(Number);
  const wrong = batches.find((batch) => !Number.isInteger(batch) || batch < 1);
  if (wrong !== undefined) throw new Error(`--batches ${list}: expected whole numbers of at least 1, such as 1,2,4`);
  return [...new Set(batches)].toSorted((a, b) => a - b);
}

/** Peak TFLOPS per precision, from one number for all precisions or from a list such as fp32=60,fp16=120. */
export function parsePeaks(text: string): ReadonlyMap<Precision, number> {
  const peaks = new Map<Precision, number>();
  for (const part of text.split(',')) {
    const [name, value] = part.includes('=') ? part.split('=') : [undefined, part];
    const precisions = name === undefined ? Precision.options : Precision.options.filter((each) => each === name);
    if (!(Number(value) > 0) || precisions.length === 0)
      throw new Error(
        `--peak-tflops ${text}: expected a number, or a list such as fp32=60,fp16=120 (${Precision.options.join(', ')})`,
      );
    for (const precision of precisions) peaks.set(precision, Number(value));
  }
  return peaks;
}

/** The share of a peak that a rate uses. A multiply-accumulate operation counts as two floating-point operations. */
export const shareOfPeak = (gmacs: number, imagesPerSecond: number, peakTflops: number): number =>
  (2 * gmacs * imagesPerSecond) / (1000 * peakTflops);

/** The largest difference between the values of one film alone and of the same film in a batch, over the films of the batch. */
export function batchDifference(singles: readonly (readonly number[])[], batch: readonly number[]): number {
  const expected = singles.flat();
  if (expected.length !== batch.length) return Number.POSITIVE_INFINITY;
  return Math.max(...expected.map((value, i) => Math.abs(value - (batch[i] ?? Number.NaN))));
}
