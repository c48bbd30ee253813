import type { PlanView, Reading } from '../../core/reading.ts';
import type { Result } from '../../core/result.ts';
import { type PresentFamily, presentReading } from '../../results/present-reading.ts';
import { filmSummary } from '../../results/summary.ts';
import type { Plan, Reason } from '../../routing/cheapest-plan.ts';
import { basisOf } from '../../routing/explain.ts';
import { required } from '../../routing/rule.ts';
import { type FilmFault, problemOf, problemText } from '../errors.ts';
import { table } from './table.ts';
import { paragraph } from './wrap.ts';

/** The reading of a film as a table, or its problem. */
export function filmTable(file: string, result: Result<Reading, FilmFault>, plan: Plan): string {
  if (!result.ok) return `${file}\n${paragraph(problemText(problemOf(result.fault)), '  ', '  not read: ')}\n`;
  const { film, findings, timingsMs, plan: view, warnings } = result.value;
  const reasons = new Map(plan.assignments.map(({ finding, reason }) => [finding, inShort(reason)]));
  const rows = findings.map(({ finding, call, probability, threshold, variant }) => [
    finding,
    call,
    probability.toFixed(3),
    limits(threshold),
    variant,
    reasons.get(finding) ?? '',
  ]);
  return [
    paragraph(
      `${film.width} × ${film.height} px, ${film.bits} bit, read in ${Math.round(timingsMs.total)} ms${upsampled(view)}`,
      '  ',
      `${file}  `,
    ),
    ...warnings.map(({ code, message }) => paragraph(message, '    ', `  warning ${code}: `)),
    paragraph(filmSummary(result.value).text, '  ', '  '),
    table(['finding', 'call', 'prob.', 'limits', 'variant', 'why'], rows),
    '\n',
  ].join('');
}

/** The probabilities between which a call is indeterminate, or the one from which it is present. */
const limits = ({ low, high }: Reading['findings'][number]['threshold']) =>
  low < high ? `${low.toFixed(3)}–${high.toFixed(3)}` : low.toFixed(3);

function upsampled({ variants }: PlanView): string {
  const larger = variants.filter((variant) => variant.upsampled).map(({ id }) => id);
  return larger.length > 0 ? ` (smaller than ${larger.join(', ')}: enlarged)` : '';
}

/** Why a variant was chosen, in a few words. The whole sentence is `why` of the reading. */
export function inShort(reason: Reason): string {
  const rule = `${required(reason.rule).replace('at least ', '≥')}, ${basisOf(reason.rule)}`;
  switch (reason.kind) {
    case 'meets':
      return rule;
    case 'pinned':
      return reason.miss ? `pinned; misses ${rule}` : `pinned; meets ${rule}`;
    case 'best_effort':
      return `best effort; misses ${rule}`;
  }
}

/** A film for JSON: its reading, or its problem. */
export const filmView = (file: string, result: Result<Reading, FilmFault>, family: PresentFamily) =>
  result.ok ? { file, reading: presentReading(result.value, family) } : { file, problem: problemOf(result.fault) };
