import { type FindingResult, notice, type Reading } from '../core/reading.ts';
import type { FilmSummary } from '../core/reading-view.ts';
import { likelihoodRatio } from '../reading/calibrate.ts';
import { displayName } from './codes.ts';
import { operatingPointOf } from './operating-point.ts';

const headings = [
  ['present', 'Present'],
  ['indeterminate', 'Indeterminate'],
  ['absent', 'Absent'],
] as const;

/** Findings grouped by call: present, indeterminate, absent. Within a group the one with the highest likelihood ratio is first. */
export function byCall({ findings }: Reading): { readonly heading: string; readonly findings: FindingResult[] }[] {
  const sorted = findings.toSorted((a, b) => likelihoodRatioOf(b) - likelihoodRatioOf(a));
  return headings
    .map(([call, heading]) => ({ heading, findings: sorted.filter((finding) => finding.call === call) }))
    .filter(({ findings }) => findings.length > 0);
}

/** The likelihood ratio of a film for a finding. Readings of earlier versions do not have it, but both of its parts. */
export const likelihoodRatioOf = ({ likelihoodRatio: stored, probability, prevalence }: FindingResult): number =>
  stored ?? likelihoodRatio(probability, prevalence);

/** How many of the requested findings exceed their thresholds, without their names. */
export function filmStatement(reading: Reading): string {
  const present = reading.findings.filter(({ call }) => call === 'present').length;
  return `${exceeding(present, reading.findings.length)} ${pointOf(reading)}.`;
}

/** The summary of the findings that were requested. Another finding may be present as well. */
export function filmSummary(reading: Reading): FilmSummary {
  const groups = byCall(reading);
  const named = (heading: string) => groups.find((group) => group.heading === heading)?.findings ?? [];
  const [present, indeterminate] = [named('Present'), named('Indeterminate')];
  const names = (findings: readonly FindingResult[]) => findings.map(({ finding }) => finding);
  return {
    requested: reading.findings.length,
    present: names(present),
    indeterminate: names(indeterminate),
    text: [
      `${exceeding(present.length, reading.findings.length)} ${pointOf(reading)}${present.length > 0 ? `: ${ratios(present)}` : ''}.`,
      ...(indeterminate.length > 0 ? [`Indeterminate: ${ratios(indeterminate)}.`] : []),
    ].join(' '),
  };
}

function exceeding(present: number, requested: number): string {
  if (requested === 1) return `The requested finding ${present === 1 ? 'exceeds' : 'does not exceed'} its threshold`;
  if (present === 0) return `None of the ${requested} requested findings exceeds its threshold`;
  return `${present} of the ${requested} requested findings ${present === 1 ? 'exceeds its threshold' : 'exceed their thresholds'}`;
}

function pointOf({ findings }: Reading): string {
  const points = new Set(findings.map((finding) => operatingPointOf(finding, undefined).name));
  return points.size === 1 ? `at the operating point ${[...points]}` : 'at the operating point of each';
}

/** Findings with their likelihood ratios. The first one says what the number is. */
const ratios = (findings: readonly FindingResult[]) =>
  findings
    .map((finding, i) => `${displayName(finding.finding)} (${i === 0 ? 'likelihood ratio ' : ''}${ratioText(finding)})`)
    .join(', ');

/** A likelihood ratio with two significant digits. */
function ratioText(finding: FindingResult): string {
  const ratio = likelihoodRatioOf(finding);
  if (ratio >= 1000) return '>1000';
  if (ratio < 0.01) return '<0.01';
  return ratio >= 10 ? ratio.toFixed(0) : ratio.toPrecision(2);
}

/**
 * The reading as text, with the notice first. A rare finding is called present at a low probability, so each probability is
 * followed by the limits of its calls.
 */
export function summary(reading: Reading): string {
  const lines = byCall(reading).map(({ heading, findings }) => `${heading}: ${findings.map(findingText).join(', ')}.`);
  return [
    notice,
    filmSummary(reading).text,
    ...lines,
    'Each finding with its calibrated probability and, in brackets, the probabilities at which the call changes.',
    ...reading.warnings.map(({ message }) => `File warning: ${message}`),
  ].join(' ');
}

const findingText = ({ finding, probability, threshold }: FindingResult) =>
  `${displayName(finding)} ${percent(probability)} (${callLimits(threshold)})`;

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
