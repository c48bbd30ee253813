import { type FindingResult, notice, type Reading } from '../pipeline/reading.ts';
import { readable } from './codes.ts';

const headings = [
  ['present', 'Present'],
  ['indeterminate', 'Indeterminate'],
  ['absent', 'Absent'],
] as const;

/** Findings as a reader scans them: present, indeterminate, absent. */
export function byCall({ findings }: Reading): { readonly heading: string; readonly findings: FindingResult[] }[] {
  return headings
    .map(([call, heading]) => ({ heading, findings: findings.filter((finding) => finding.call === call) }))
    .filter(({ findings }) => findings.length > 0);
}

/**
 * The whole reading in a few sentences, the notice first. A rare finding is called present at a low probability, so no
 * probability is shown without the band that it was held against.
 */
export function summary(reading: Reading): string {
  const lines = byCall(reading).map(({ heading, findings }) => `${heading}: ${findings.map(named).join(', ')}.`);
  return [
    notice,
    ...lines,
    'Each finding with its calibrated probability and, in brackets, the band in which it would be indeterminate.',
  ].join(' ');
}

const named = ({ finding, probability, threshold }: FindingResult) =>
  `${readable(finding)} ${percent(probability)} (${band(threshold)})`;

/** The indeterminate band; a threshold without one is a band of a single value. */
export const band = ({ low, high }: FindingResult['threshold']) =>
  percent(low) === percent(high) ? percent(low) : `${percent(low)} to ${percent(high)}`;

/** Whole percents, with one decimal below ten, and never 0 % or 100 %. */
export function percent(probability: number): string {
  const percents = probability * 100;
  if (percents < 0.1) return '<0.1 %';
  if (percents > 99) return '>99 %';
  return `${percents < 9.95 ? percents.toFixed(1) : percents.toFixed(0)} %`;
}
