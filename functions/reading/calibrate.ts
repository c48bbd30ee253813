import type { Calibration, Threshold } from '../core/catalog.ts';
import { type Logit, logit, type Probability, probability } from '../core/units.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const logOdds = (p: number) => Math.log(p / (1 - p));

/** The logarithm of the logistic function, without overflow. */
const logSigmoid = (x: number) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

/** Convert a logit to a probability by a calibration that was fitted on out-of-fold scores. */
export function calibrate(raw: Logit, calibration: Calibration): Probability {
  switch (calibration.method) {
    // Platt 1999.
    case 'platt':
      return probability(sigmoid(calibration.slope * raw + calibration.intercept));
    // Kull, Silva Filho and Flach, AISTATS 2017.
    case 'beta': {
      const { a, b, c, centre, scale } = calibration;
      const u = (raw - centre) / scale;
      return probability(sigmoid(a * logSigmoid(u) - b * logSigmoid(-u) + c));
    }
    // Zadrozny and Elkan 2002.
    case 'isotonic':
      return probability(interpolate(raw, calibration.x, calibration.y));
  }
}

function interpolate(at: number, x: readonly number[], y: readonly number[]): number {
  const above = x.findIndex((value) => value > at);
  const [x0, x1, y0, y1] = [x[above - 1], x[above], y[above - 1], y[above]];
  if (x0 === undefined || x1 === undefined || y0 === undefined || y1 === undefined)
    return (above === 0 ? y[0] : y.at(-1)) ?? Number.NaN;
  return y0 + ((at - x0) / (x1 - x0)) * (y1 - y0);
}

/** Adjust a probability to another prevalence by Bayes' rule: add the difference of the log odds of the two prevalences. */
export function adjustToPrevalence(p: number, from: number, to: number): Probability {
  if (p === 0 || p === 1 || from === to) return probability(p);
  return probability(sigmoid(logit(logOdds(p) + logOdds(to) - logOdds(from))));
}

/** Adjust a threshold to another prevalence, so that every film keeps its call. */
export const adjustThreshold = ({ value, low, high }: Threshold, from: number, to: number) => ({
  value: adjustToPrevalence(value, from, to),
  low: adjustToPrevalence(low, from, to),
  high: adjustToPrevalence(high, from, to),
});

export type Call = 'present' | 'absent' | 'indeterminate';

/** Compare a probability with a threshold. `indeterminate` from low to high, both included, unless the band is empty. */
export function classify(p: number, { value, low, high }: Pick<Threshold, 'value' | 'low' | 'high'>): Call {
  if (low < high && p >= low && p <= high) return 'indeterminate';
  return p >= value ? 'present' : 'absent';
}
