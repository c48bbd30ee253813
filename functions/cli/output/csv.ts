import { notice, type Reading } from '../../core/reading.ts';
import type { Result } from '../../core/result.ts';
import { operatingPointOf } from '../../results/operating-point.ts';
import { likelihoodRatioOf } from '../../results/summary.ts';
import { type FilmFault, problemOf, problemText } from '../errors.ts';

const columns = [
  ...[
    'file',
    'reading',
    'finding',
    'call',
    'probability',
    'low',
    'high',
    'prevalence',
    'operatingPoint',
    'likelihoodRatio',
  ],
  ...['variant', 'auroc', 'aurocLow', 'aurocHigh', 'basis', 'meetsTarget', 'why', 'warnings', 'error', 'fix', 'notice'],
] as const;
type Row = Partial<Record<(typeof columns)[number], string | number | boolean>>;

/** The names of the columns. */
export const csvHead = (): string => record(columns);

/** One row per finding. A film that was not read has one row with its error code and fix. */
export function csvRows(file: string, result: Result<Reading, FilmFault>): string {
  if (result.ok) return result.value.findings.map((finding) => line(row(file, result.value, finding))).join('');
  const problem = problemOf(result.fault);
  return line({ file, error: problem.code, fix: problemText(problem), notice });
}

function row(file: string, { id, warnings }: Reading, finding: Reading['findings'][number]): Row {
  const { threshold, auroc } = finding;
  return {
    file,
    reading: id,
    finding: finding.finding,
    call: finding.call,
    probability: finding.probability,
    low: threshold.low,
    high: threshold.high,
    prevalence: finding.prevalence,
    operatingPoint: operatingPointOf(finding, undefined).name,
    likelihoodRatio: likelihoodRatioOf(finding),
    variant: finding.variant,
    auroc: auroc.value,
    aurocLow: auroc.ci95[0],
    aurocHigh: auroc.ci95[1],
    basis: finding.basis,
    meetsTarget: finding.meetsTarget,
    why: finding.why,
    warnings: warnings.map(({ code }) => code).join(' '),
    notice,
  };
}

const line = (row: Row) => record(columns.map((column) => String(row[column] ?? '')));

/** RFC 4180: fields that hold a comma, a quote or a line break are quoted, quotes are doubled, lines end in CRLF. */
export const record = (fields: readonly string[]): string =>
  `${fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}\r\n`;
