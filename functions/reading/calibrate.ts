import type { Calibration } from '../core/catalog.ts';
import type { FindingResult, RoutedOperatingPoint } from '../core/reading.ts';
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

type Limits = Pick<RoutedOperatingPoint, 'threshold' | 'low' | 'high'>;

/** Compare a probability with an operating point. `indeterminate` from low to high, both included, unless the band is empty. */
export function classify(p: number, { threshold, low, high }: Limits): FindingResult['call'] {
  if (low < high && p >= low && p <= high) return 'indeterminate';
  return p >= threshold ? 'present' : 'absent';
}

/** A probability of 0 or 1 counts as this far from it, because its odds would be 0 or infinite. */
const leastOdds = 1e-6;

/**
 * The likelihood ratio of a film: the odds of the finding after the film, divided by the odds before it. It depends on the film and the
 * calibration only. For a threshold instead of a film see Deeks and Altman, BMJ 2004;329:168.
 */
export function likelihoodRatio(p: number, prevalence: number): number {
  const clamped = Math.min(Math.max(p, leastOdds), 1 - leastOdds);
  return (clamped / (1 - clamped)) * ((1 - prevalence) / prevalence);
}

/**
 * The result of one film: its probability and the limits of the call at a prevalence. Call and likelihood ratio are computed at the prevalence
 * of the training films, so no prevalence of a request changes them, not even where probabilities round to 0 or 1.
 */
export function assess(p: Probability, point: Limits & Pick<RoutedOperatingPoint, 'prevalence'>, prevalence: number) {
  const adjusted = (value: number) => adjustToPrevalence(value, point.prevalence, prevalence);
  return {
    probability: adjusted(p),
    prevalence,
    threshold: { value: adjusted(point.threshold), low: adjusted(point.low), high: adjusted(point.high) },
    call: classify(p, point),
    likelihoodRatio: likelihoodRatio(p, point.prevalence),
  };
}
