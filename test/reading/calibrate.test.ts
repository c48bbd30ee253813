import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Calibration } from '../../functions/core/catalog.ts';
import { logit } from '../../functions/core/units.ts';
import { adjustThreshold, adjustToPrevalence, calibrate, classify } from '../../functions/reading/calibrate.ts';

const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });
const raw = fc.double({ min: -30, max: 30, noNaN: true }).map(logit);
const slope = fc.double({ min: 0.01, max: 5, noNaN: true });
const shift = fc.double({ min: -5, max: 5, noNaN: true });
const rising = (values: number[]) => values.toSorted((a, b) => a - b);
const calibration: fc.Arbitrary<Calibration> = fc.oneof(
  fc.record({ method: fc.constant('platt' as const), slope, intercept: shift }),
  fc.record({ method: fc.constant('beta' as const), a: slope, b: slope, c: shift, centre: shift, scale: slope }),
  fc.array(fc.tuple(shift, share), { minLength: 1, maxLength: 8 }).map((points) => ({
    method: 'isotonic' as const,
    x: rising(points.map(([x]) => x)),
    y: rising(points.map(([, y]) => y)),
  })),
);

describe('calibrate', () => {
  test('with Platt scaling is a logistic curve', () => {
    const plain = { method: 'platt', slope: 1, intercept: 0 } as const;
    expect(calibrate(logit(0), plain)).toBe(0.5);
    expect(calibrate(logit(Math.log(3)), plain)).toBeCloseTo(0.75, 12);
    expect(calibrate(logit(2), { ...plain, slope: 0.5, intercept: -1 })).toBe(0.5);
  });

  test('gives a probability for every logit and keeps their order', () => {
    fc.assert(
      fc.property(raw, raw, calibration, (a, b, fitted) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(calibrate(low, fitted)).toBeLessThanOrEqual(calibrate(high, fitted));
        expect(calibrate(a, fitted)).toBeGreaterThanOrEqual(0);
        expect(calibrate(a, fitted)).toBeLessThanOrEqual(1);
      }),
    );
    const steep = { method: 'platt', slope: 5, intercept: 0 } as const;
    expect(calibrate(logit(-1000), steep)).toBe(0);
    expect(calibrate(logit(1000), steep)).toBe(1);
  });
});

describe('calibrate with other methods', () => {
  const beta = { method: 'beta', a: 1, b: 1, c: 0.3, centre: 0.5, scale: 2 } as const;

  test('beta with equal slopes is a logistic curve, and stays stable far from zero', () => {
    for (const z of [-2000, -3, 0, 0.5, 4, 2000])
      expect(calibrate(logit(z), beta)).toBeCloseTo(1 / (1 + Math.exp(-((z - 0.5) / 2 + 0.3))), 12);
  });

  test('beta bends one end more than the other', () => {
    // Computed by hand: u = 0, so s = 1/2, and the log odds are (b - a) ln 2 + c.
    const odds = Math.log(2) * (3 - 0.5) + 0.3;
    expect(calibrate(logit(0.5), { ...beta, a: 0.5, b: 3 })).toBeCloseTo(1 / (1 + Math.exp(-odds)), 12);
  });

  test('isotonic interpolates linearly between its points and is constant beyond them', () => {
    const steps = { method: 'isotonic', x: [-1, 0, 2], y: [0.1, 0.3, 0.7] } as const;
    const at = (z: number) => calibrate(logit(z), { ...steps, x: [...steps.x], y: [...steps.y] });
    expect([-9, -1, -0.5, 0, 1, 2, 9].map(at)).toEqual(
      [0.1, 0.1, 0.2, 0.3, 0.5, 0.7, 0.7].map((p) => expect.closeTo(p, 12)),
    );
  });
});

describe('adjustToPrevalence', () => {
  test("is Bayes' rule", () => {
    fc.assert(
      fc.property(share, share, share, (p, from, to) => {
        const ratio = (p / (1 - p)) * ((1 - from) / from);
        const odds = ratio * (to / (1 - to));
        expect(adjustToPrevalence(p, from, to)).toBeCloseTo(odds / (1 + odds), 10);
      }),
    );
  });

  test('of an uninformative film is the new prevalence', () => {
    fc.assert(
      fc.property(share, share, (from, to) => {
        expect(adjustToPrevalence(from, from, to)).toBeCloseTo(to, 10);
      }),
    );
  });

  test('returns to the start when applied in both directions, and is exact for an unchanged prevalence', () => {
    fc.assert(
      fc.property(share, share, share, (p, from, to) => {
        expect(adjustToPrevalence(adjustToPrevalence(p, from, to), to, from)).toBeCloseTo(p, 8);
        expect(adjustToPrevalence(p, from, from)).toBe(p);
      }),
    );
  });

  test('keeps the probabilities 0 and 1', () => {
    expect(adjustToPrevalence(0, 0.1, 0.9)).toBe(0);
    expect(adjustToPrevalence(1, 0.1, 0.9)).toBe(1);
  });
});

describe('classify', () => {
  const band = { value: 0.5, low: 0.4, high: 0.6 };

  test.each([
    [0, 'absent'],
    [0.399, 'absent'],
    [0.4, 'indeterminate'],
    [0.5, 'indeterminate'],
    [0.6, 'indeterminate'],
    [0.601, 'present'],
    [1, 'present'],
  ])('%f with a band from 0.4 to 0.6 is %s', (p, expected) => {
    expect(classify(p, band)).toBe(expected);
  });

  test('without a band is present from the threshold up, and never indeterminate', () => {
    const sharp = { value: 0.5, low: 0.5, high: 0.5 };
    expect(classify(0.5, sharp)).toBe('present');
    expect(classify(0.4999, sharp)).toBe('absent');
  });

  test('stays the same when probability and threshold move to another prevalence', () => {
    const measured = { sensitivity: 0.7, specificity: 0.7, method: 'Youden' };
    fc.assert(
      fc.property(share, share, share, fc.tuple(share, share, share), (p, from, to, points) => {
        const [low = 0, value = 0, high = 0] = [...points].sort((a, b) => a - b);
        const threshold = { low, value, high, ...measured };
        // At an edge, both sides are right to within rounding.
        fc.pre(points.every((point) => Math.abs(point - p) > 1e-6));
        const moved = adjustThreshold(threshold, from, to);
        expect(classify(adjustToPrevalence(p, from, to), moved)).toBe(classify(p, threshold));
        expect(moved.low).toBeLessThanOrEqual(moved.value);
        expect(moved.value).toBeLessThanOrEqual(moved.high);
      }),
    );
  });
});
