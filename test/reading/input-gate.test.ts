import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Quality } from '../../functions/core/catalog.ts';
import { evaluateGate } from '../../functions/reading/input-gate.ts';

const quality: Quality = {
  classes: ['frontal', 'sideways', 'photograph'],
  accept: 'frontal',
  limits: { small: { minScore: 0.5, maxDistance: 10 }, strict: { minScore: 0.9, maxDistance: 1 } },
  falseRefusals: [],
  passUnderShift: [],
  catches: [],
  notMeasured: [],
};
const judge = (output: readonly number[], variant = 'small') =>
  evaluateGate(Float32Array.from(output), quality, variant);

describe('the input gate', () => {
  test('accepts a film of the accepted class near the training films', () => {
    const { score, looksLike, accepted } = judge([2, 0, 0, 3]);
    expect(score).toBeCloseTo(Math.exp(2) / (Math.exp(2) + 2), 6);
    expect({ looksLike, accepted }).toEqual({ looksLike: 'frontal', accepted: true });
  });

  test('names the class of a refused film', () => {
    expect(judge([0, 5, 0, 3])).toMatchObject({ looksLike: 'sideways', accepted: false });
    expect(judge([0, 0, 5, 3])).toMatchObject({ looksLike: 'photograph', accepted: false });
  });

  test('refuses a film far from all training films as unfamiliar, unless it resembles another class', () => {
    expect(judge([9, 0, 0, 10.5])).toMatchObject({ looksLike: 'unfamiliar', accepted: false });
    expect(judge([0, 9, 0, 10.5])).toMatchObject({ looksLike: 'sideways', accepted: false });
  });

  test('refuses a film of the accepted class with a low score', () => {
    expect(judge([0.5, 0.4, 0.4, 1])).toMatchObject({ looksLike: 'frontal', accepted: false });
  });

  test('accepts a film exactly on the limits', () => {
    expect(judge([0, 0, Number.NEGATIVE_INFINITY, 10])).toEqual({ score: 0.5, looksLike: 'frontal', accepted: true });
  });

  test('compares each variant with its own limits', () => {
    expect(judge([2, 0, 0, 0.5], 'strict').accepted).toBe(false);
    expect(judge([9, 0, 0, 3], 'strict').accepted).toBe(false);
    expect(judge([9, 0, 0, 0.5], 'strict').accepted).toBe(true);
  });

  test('refuses a film if any value is not a number', () => {
    for (let i = 0; i < 4; i++) {
      const output = [9, 0, 0, 1];
      output[i] = Number.NaN;
      expect(judge(output).accepted, `position ${i}`).toBe(false);
    }
  });

  test('has a score between 0 and 1 that does not overflow', () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        const { score } = judge([a, b, c, 0]);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('ignores a graph or a variant that the catalog does not describe', () => {
    expect(() => judge([1, 2, 3])).toThrow('the gate of small does not fit the catalog');
    expect(() => judge([1, 2, 3, 4], 'other')).toThrow('the gate of other does not fit the catalog');
  });
});
