import { expect, test } from 'vitest';
import { batchDifference, parseBatches, parsePeaks, shareOfPeak } from './sweep.ts';

test('batches are measured once each, in ascending order', () => {
  expect(parseBatches('8,1,2,8')).toEqual([1, 2, 8]);
  for (const list of ['', '0', '1,a', '1.5']) expect(() => parseBatches(list)).toThrow('--batches');
});

test('a peak is one number for all precisions, or one per precision', () => {
  expect([...parsePeaks('60')]).toEqual([
    ['fp32', 60],
    ['fp16', 60],
    ['int8', 60],
  ]);
  expect([...parsePeaks('fp32=60,fp16=120')]).toEqual([
    ['fp32', 60],
    ['fp16', 120],
  ]);
  for (const text of ['', '0', 'fp64=1', 'fp32=']) expect(() => parsePeaks(text)).toThrow('--peak-tflops');
});

test('a multiply-accumulate operation counts as two operations of the peak', () => {
  expect(shareOfPeak(0.5, 1000, 10)).toBeCloseTo(0.1, 12);
});

test('a batch that lacks a film or exchanges two films differs from its films', () => {
  const singles = [
    [1, 2],
    [3, 5],
  ];
  expect(batchDifference(singles, [1, 2, 3, 5])).toBe(0);
  expect(batchDifference(singles, [3, 5, 1, 2])).toBe(3);
  expect(batchDifference(singles, [1, 2])).toBe(Number.POSITIVE_INFINITY);
  expect(batchDifference(singles, [1, 2, 3, Number.NaN])).toBeNaN();
});
