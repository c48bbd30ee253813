import { expect, test } from 'vitest';
import { slopeOf, t975 } from './slope.ts';

test.each([
  [3, 3.1824],
  [10, 2.2281],
  [23, 2.0687],
  [100, 1.984],
])('the percentile of t with %i degrees of freedom is that of the tables, within 1 %%', (freedom, expected) => {
  expect(Math.abs(t975(freedom) / expected - 1)).toBeLessThan(0.01);
});

test('points on a line give its slope and an interval without width', () => {
  const { slope, low, high } = slopeOf([0, 1, 2, 3, 4, 5].map((x) => [x, 7 - 3 * x])) ?? {};
  for (const value of [slope, low, high]) expect(value).toBeCloseTo(-3, 9);
});

test('the slope and its interval are those of SciPy', () => {
  // stats.linregress(range(12), y), and stats.t.ppf(0.975, 10) times its stderr on both sides.
  const y = [2, 1, 3, 2, 5, 4, 2, 3, 5, 4, 3, 5];
  const { slope, low, high } = slopeOf(y.map((value, x) => [x, value])) ?? {};
  expect(slope).toBeCloseTo(0.227273, 6);
  expect(low).toBeCloseTo(0.015945, 3);
  expect(high).toBeCloseTo(0.4386, 3);
});

test('fewer than five points have no slope', () => {
  expect(slopeOf([1, 2, 3, 4].map((x) => [x, x]))).toBeUndefined();
});
