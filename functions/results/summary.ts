import { type FindingResult, notice, type Reading } from '../core/reading.ts';
import { labelText } from './codes.ts';

const headings = [
  ['present', 'Present'],
  ['indeterminate', 'Indeterminate'],
  ['absent', 'Absent'],
] as const;

/** Findings grouped by call: present, indeterminate, absent. Within a group, findings are sorted by descending {@link excess}. */
export function byCall({ findings }: Reading): { readonly heading: string; readonly findings: FindingResult[] }[] {
  const sorted = findings.toSorted((a, b) => excess(b) - excess(a));
  return headings
    .map(([call, heading]) => ({ heading, findings: sorted.filter((finding) => finding.call === call) }))
    .filter(({ findings }) => findings.length > 0);
}

/** The difference between a probability and its threshold, in logits. Logits make rare and common findings comparable. */
export const excess = ({ probability, threshold }: Pick<FindingResult, 'probability' | 'threshold'>): number =>
  logit(probability) - logit(threshold.value);

/** The logit of a probability. The probability is clamped, because the logit of 0 and 1 is infinite. */
const logit = (probability: number) => {
  const p = Math.min(Math.max(probability, 1e-6), 1 - 1e-6);
  return Math.log(p / (1 - p));
};

/**
 * The reading as text, with the notice first. A rare finding is called present at a low probability, so each probability is
 * followed by the limits of its calls.
 */
export function summary(reading: Reading): string {
  const lines = byCall(reading).map(({ heading, findings }) => `${heading}: ${findings.map(findingText).join(', ')}.`);
  return [
    notice,
    ...lines,
    'Each finding with its calibrated probability and, in brackets, the probabilities at which the call changes.',
    ...reading.warnings.map(({ message }) => `File warning: ${message}`),
  ].join(' ');
}

const findingText = ({ finding, probability, threshold }: FindingResult) =>
  `${labelText(finding)} ${percent(probability)} (${callLimits(threshold)})`;

/**
 * The probabilities at which a call changes, each with its call. Readers took two numbers joined by "to" for a confidence
 * interval.
 */
export const callLimits = ({ low, high, value }: FindingResult['threshold']) =>
  low < high && percent(low) !== percent(high)
    ? `absent below ${percent(low)}, present above ${percent(high)}`
    : `present from ${percent(value)}`;

/** A probability in whole percent, with one decimal below 10 %. The text is never 0 % or 100 %. */
export function percent(probability: number): string {
  const percents = probability * 100;
  if (percents < 0.1) return '<0.1 %';
  if (percents > 99) return '>99 %';
  return `${percents < 9.95 ? percents.toFixed(1) : percents.toFixed(0)} %`;
}
