import type { Calibration, Threshold } from '../catalog/schema.ts';
import { type Logit, logit, type Probability, probability } from './units.ts';

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const logOdds = (p: number) => Math.log(p / (1 - p));

/** Platt scaling (Platt 1999), as fitted on out-of-fold scores. */
export const platt = (raw: Logit, { slope, intercept }: Calibration): Probability =>
  probability(sigmoid(slope * raw + intercept));

/** Moves a probability from one prevalence to another by Bayes' rule: the log odds shift by as much as the prior's. */
export function atPrevalence(p: number, from: number, to: number): Probability {
  if (p === 0 || p === 1 || from === to) return probability(p);
  return probability(sigmoid(logit(logOdds(p) + logOdds(to) - logOdds(from))));
}

/** An operating point moved with the prevalence, so that the same films stay above it. */
export const thresholdAt = ({ value, low, high }: Threshold, from: number, to: number) => ({
  value: atPrevalence(value, from, to),
  low: atPrevalence(low, from, to),
  high: atPrevalence(high, from, to),
});

export type Call = 'present' | 'absent' | 'indeterminate';

/** `indeterminate` between low and high, both ends included unless the band is empty. */
export function call(p: number, { value, low, high }: Pick<Threshold, 'value' | 'low' | 'high'>): Call {
  if (low < high && p >= low && p <= high) return 'indeterminate';
  return p >= value ? 'present' : 'absent';
}
