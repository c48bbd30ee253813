/** A slope with the ends of its 95 % interval. */
export type Slope = { readonly slope: number; readonly low: number; readonly high: number };

/** The 97.5th percentile of the normal distribution. */
const z = 1.959963984540054;

/** The 97.5th percentile of Student's t distribution (Abramowitz and Stegun, 26.7.5): within 1 % from 3 degrees of freedom. */
export function t975(freedom: number): number {
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
  ];
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
}

/**
 * The least-squares slope through points (x, y). The interval assumes independent deviations of equal variance. Undefined with fewer than
 * five points.
 */
export function slopeOf(points: readonly (readonly [number, number])[]): Slope | undefined {
  if (points.length < 5) return undefined;
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const sum = (of: (x: number, y: number) => number) =>
    points.reduce((total, [x, y]) => total + of(x - meanX, y - meanY), 0);
  const spread = sum((x) => x * x);
  const slope = sum((x, y) => x * y) / spread;
  const freedom = points.length - 2;
  const error = Math.sqrt(sum((x, y) => (y - slope * x) ** 2) / freedom / spread);
  return { slope, low: slope - t975(freedom) * error, high: slope + t975(freedom) * error };
}
