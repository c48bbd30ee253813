import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Calibration } from '../../functions/core/catalog.ts';
import { logit, probability } from '../../functions/core/units.ts';
import { adjustToPrevalence, assess, calibrate, classify, likelihoodRatio } from '../../functions/reading/calibrate.ts';

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
  const band = { threshold: 0.5, low: 0.4, high: 0.6 };

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
    const sharp = { threshold: 0.5, low: 0.5, high: 0.5 };
    expect(classify(0.5, sharp)).toBe('present');
    expect(classify(0.4999, sharp)).toBe('absent');
  });

  test('with limits at 0 and 1 is decided', () => {
    expect(classify(0, { threshold: 0, low: 0, high: 0 })).toBe('present');
    expect(classify(0, { threshold: 0, low: 0, high: 0.1 })).toBe('indeterminate');
    expect(classify(1, { threshold: 1, low: 1, high: 1 })).toBe('present');
    expect(classify(1 - Number.EPSILON, { threshold: 1, low: 1, high: 1 })).toBe('absent');
    expect(classify(1, { threshold: 1, low: 0.9, high: 1 })).toBe('indeterminate');
  });
});

describe('assess', () => {
  /** Everything from the smallest positive number to the largest number below 1. */
  const prevalence = fc.oneof(
    share,
    fc.constantFrom(Number.MIN_VALUE, 1e-300, 1e-20, 1e-9, 1 - 1e-9, 1 - Number.EPSILON, 1 - Number.EPSILON / 2),
    fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }),
  );
  const any = fc.oneof(
    share,
    fc.constantFrom(0, 1, Number.MIN_VALUE, 1 - Number.EPSILON / 2),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  const point = fc.tuple(fc.tuple(any, any, any), share).map(([limits, from]) => {
    const [low = 0, threshold = 0, high = 0] = rising(limits);
    return { low, threshold, high, prevalence: from };
  });
  /** Probabilities, among them the limits themselves. */
  const film = point.chain((at) =>
    fc.tuple(fc.oneof(any, fc.constantFrom(at.low, at.threshold, at.high)).map(probability), fc.constant(at)),
  );

  test('gives a film the same call and likelihood ratio at every prevalence', () => {
    fc.assert(
      fc.property(film, prevalence, prevalence, ([p, at], one, other) => {
        const [first, second] = [assess(p, at, one), assess(p, at, other)];
        expect(first.call).toBe(second.call);
        expect(first.call).toBe(classify(p, at));
        expect(first.likelihoodRatio).toBe(second.likelihoodRatio);
        expect(first.likelihoodRatio).toBeGreaterThan(0);
        expect(first.likelihoodRatio).toBeLessThan(Number.POSITIVE_INFINITY);
      }),
      { numRuns: 2000 },
    );
  });

  test('moves probability and limits together: they stay in [0, 1] and in their order', () => {
    fc.assert(
      fc.property(film, prevalence, ([p, at], to) => {
        const { probability: moved, threshold } = assess(p, at, to);
        const side = (a: number, b: number) => Math.sign(a - b);
        for (const value of [moved, threshold.low, threshold.value, threshold.high]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
        expect(threshold.low).toBeLessThanOrEqual(threshold.value);
        expect(threshold.value).toBeLessThanOrEqual(threshold.high);
        // Rounding may make two numbers equal, but it never reverses them.
        for (const [before, after] of [
          [at.low, threshold.low],
          [at.threshold, threshold.value],
          [at.high, threshold.high],
        ] as const)
          expect([side(p, before), 0]).toContain(side(moved, after));
      }),
      { numRuns: 2000 },
    );
  });

  test('changes nothing at the prevalence of the training films', () => {
    fc.assert(
      fc.property(film, ([p, at]) => {
        expect(assess(p, at, at.prevalence)).toMatchObject({
          probability: p,
          threshold: { low: at.low, value: at.threshold, high: at.high },
        });
      }),
    );
  });
});

describe('likelihoodRatio', () => {
  test('is the odds after the film, divided by the odds before it', () => {
    expect(likelihoodRatio(0.5, 0.1)).toBeCloseTo(9, 12);
    expect(likelihoodRatio(0.1, 0.1)).toBeCloseTo(1, 12);
    fc.assert(
      fc.property(share, share, share, (p, from, to) => {
        const ratio = likelihoodRatio(adjustToPrevalence(p, from, to), to) / likelihoodRatio(p, from);
        // The probability is clamped far outside of this range.
        fc.pre(adjustToPrevalence(p, from, to) > 1e-5 && adjustToPrevalence(p, from, to) < 1 - 1e-5);
        expect(ratio).toBeCloseTo(1, 6);
      }),
    );
  });
});
