import { type FindingResult, notice, type Reading } from '../core/reading.ts';
import { readable } from './codes.ts';

const headings = [
  ['present', 'Present'],
  ['indeterminate', 'Indeterminate'],
  ['absent', 'Absent'],
] as const;

/** Findings as a reader scans them: present, indeterminate, absent; in each, those first that exceed their threshold most. */
export function byCall({ findings }: Reading): { readonly heading: string; readonly findings: FindingResult[] }[] {
  const sorted = findings.toSorted((a, b) => excess(b) - excess(a));
  return headings
    .map(([call, heading]) => ({ heading, findings: sorted.filter((finding) => finding.call === call) }))
    .filter(({ findings }) => findings.length > 0);
}

/** By how much a probability exceeds its threshold, in logits: the same step for rare and for common findings. */
export const excess = ({ probability, threshold }: Pick<FindingResult, 'probability' | 'threshold'>): number =>
  log(probability) - log(threshold.value);

/** Kept off 0 and 1, where a logit has no value. */
const log = (probability: number) => {
  const p = Math.min(Math.max(probability, 1e-6), 1 - 1e-6);
  return Math.log(p / (1 - p));
};

/**
 * The whole reading in a few sentences, the notice first. A rare finding is called present at a low probability, so no
 * probability is shown without the limits that it was held against.
 */
export function summary(reading: Reading): string {
  const lines = byCall(reading).map(({ heading, findings }) => `${heading}: ${findings.map(named).join(', ')}.`);
  return [
    notice,
    ...lines,
    'Each finding with its calibrated probability and, in brackets, the probabilities at which the call changes.',
    ...reading.warnings.map(({ message }) => `Warning of the file: ${message}`),
  ].join(' ');
}

const named = ({ finding, probability, threshold }: FindingResult) =>
  `${readable(finding)} ${percent(probability)} (${limits(threshold)})`;

/**
 * The probabilities at which a call changes. Two numbers joined by "to" were read as a confidence interval, so each limit
 * says which call it is the limit of.
 */
export const limits = ({ low, high, value }: FindingResult['threshold']) =>
  low < high && percent(low) !== percent(high)
    ? `absent below ${percent(low)}, present above ${percent(high)}`
    : `present from ${percent(value)}`;

/** Whole percents, with one decimal below ten, and never 0 % or 100 %. */
export function percent(probability: number): string {
  const percents = probability * 100;
  if (percents < 0.1) return '<0.1 %';
  if (percents > 99) return '>99 %';
  return `${percents < 9.95 ? percents.toFixed(1) : percents.toFixed(0)} %`;
}
