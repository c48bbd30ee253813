import type { LoadedFamily } from '../load.ts';
import { components, pairedDifference } from './paired-auroc.ts';
import { ranksOf, type Scores } from './scores.ts';

/** A family with the scores of its variants on the films of its evaluation. */
export type Measured = {
  readonly family: LoadedFamily;
  readonly scores: Scores;
  /** By finding, the variant that serves a request without parameters. */
  readonly served: Readonly<Record<string, string>>;
};

/** One finding, compared between a variant of the candidate and a variant of the family in service. */
export type Compared = {
  readonly finding: string;
  readonly variant: string;
  readonly reference: string;
  /** Whether these two variants serve a request without parameters, before and after. */
  readonly served: boolean;
  readonly auroc: number;
  readonly referenceAuroc: number;
  readonly difference: number;
  readonly error: number;
  readonly ci95: readonly [number, number];
  readonly margin: number;
  readonly withinMargin: boolean;
};

/** The result of a comparison, or why the two families cannot be compared. */
export type Comparison =
  | { readonly comparable: false; readonly problem: string }
  | {
      readonly comparable: true;
      readonly films: number;
      readonly patients: number;
      readonly results: readonly Compared[];
    };

/**
 * Compare a candidate with the family in service, paired by film: per finding each variant that both have, and the two variants that
 * serve it. A result is within its margin if the lower end of its interval is. All results must be, so no correction for their number is
 * due (intersection-union test).
 */
export function compareFamilies(
  candidate: Measured,
  before: Measured,
  marginOf: (finding: string) => number,
): Comparison {
  const problem = difference(candidate, before);
  if (problem !== undefined) return { comparable: false, problem };
  const { scores } = before;
  const place = new Map(candidate.scores.films.map((film, i) => [film, i]));
  const results: Compared[] = [];
  for (const finding of before.family.catalog.findings) {
    const labels = scores.labels[finding] ?? '';
    const known = [...labels].flatMap((label, i) => (label === '-' ? [] : i));
    const positive = known.map((i) => labels[i] === '1');
    const patients = known.map((i) => scores.patients[i] ?? -1);
    for (const { variant, reference } of pairs(candidate, before, finding)) {
      const ours = ranksOf(candidate.scores, variant, finding);
      const theirs = ranksOf(scores, reference, finding);
      const pair = {
        positive,
        patients,
        scores: known.map((i) => ours?.[place.get(scores.films[i] ?? '') ?? -1] ?? Number.NaN),
        reference: known.map((i) => theirs?.[i] ?? Number.NaN),
      };
      const paired = ours && theirs && pairedDifference(pair);
      if (!paired)
        return {
          comparable: false,
          problem: `${finding}: ${variant} and ${reference} cannot be compared: too few patients with it, without it, or no scores`,
        };
      const margin = marginOf(finding);
      const { auroc, reference: referenceAuroc, ...rest } = paired;
      const served = variant === candidate.served[finding] && reference === before.served[finding];
      // Six digits exceed what the films can resolve, and remove the noise of summation.
      const withinMargin = round(rest.ci95[0]) >= -margin;
      results.push({
        finding,
        variant,
        reference,
        served,
        auroc: round(auroc),
        referenceAuroc: round(referenceAuroc),
        difference: round(rest.difference),
        error: round(rest.error),
        ci95: [round(rest.ci95[0]), round(rest.ci95[1])],
        margin,
        withinMargin,
      });
    }
  }
  return { comparable: true, films: scores.films.length, patients: new Set(scores.patients).size, results };
}

/** The pairs to compare: each variant that both families have, and the two that serve the finding. */
function pairs(candidate: Measured, before: Measured, finding: string) {
  const reads = ({ family }: Measured, id: string) =>
    family.catalog.variants.some((variant) => variant.id === id && Object.hasOwn(variant.heads, finding));
  const both = before.family.catalog.variants
    .filter(({ id }) => reads(before, id) && reads(candidate, id))
    .map(({ id }) => ({ variant: id, reference: id }));
  const [variant, reference] = [candidate.served[finding], before.served[finding]];
  if (variant === undefined || reference === undefined || variant === reference) return both;
  return [...both, { variant, reference }];
}

/** Why the two families cannot be compared, or undefined. */
function difference(candidate: Measured, before: Measured): string | undefined {
  const [ours, theirs] = [candidate.scores, before.scores];
  if (ours.protocol !== theirs.protocol)
    return `the candidate was measured by the protocol ${ours.protocol}, what it would replace by ${theirs.protocol}`;
  const place = new Map(ours.films.map((film, i) => [film, i]));
  const missing = theirs.films.filter((film) => !place.has(film)).length;
  if (missing > 0 || ours.films.length !== theirs.films.length)
    return `the two were not measured on the same films: ${missing} of ${theirs.films.length} are missing from the candidate's ${ours.films.length}`;
  const lost = before.family.catalog.findings.filter((finding) => !candidate.family.catalog.findings.includes(finding));
  if (lost.length > 0) return `the candidate no longer reads ${lost.join(', ')}`;
  const unserved = before.family.catalog.findings.filter(
    (finding) => before.served[finding] !== undefined && candidate.served[finding] === undefined,
  );
  if (unserved.length > 0) return `no variant of the candidate serves ${unserved.join(', ')}`;
  for (const [finding, labels] of Object.entries(theirs.labels)) {
    const other = ours.labels[finding];
    const changed = theirs.films.filter((film, i) => other?.[place.get(film) ?? -1] !== labels[i]).length;
    if (changed > 0) return `the two were not measured by the same labels: ${finding} differs on ${changed} films`;
  }
  return undefined;
}

/** How the scores of a family contradict its catalog, or undefined. */
export function scoresFault({ catalog }: LoadedFamily, scores: Scores): string | undefined {
  if (scores.family !== catalog.family) return `scores.json is of the family ${scores.family}`;
  for (const { id, heads } of catalog.variants)
    for (const [finding, { auroc }] of Object.entries(heads)) {
      const ranks = ranksOf(scores, id, finding);
      const labels = scores.labels[finding] ?? '';
      const known = [...labels].flatMap((label, i) => (label === '-' ? [] : i));
      if (!ranks) return `scores.json has no scores of ${id} for ${finding}`;
      const positive = known.map((i) => labels[i] === '1');
      const { area } = components(
        known.map((i) => ranks[i] ?? Number.NaN),
        positive,
      );
      if (scores.protocol !== auroc.protocol || !(Math.abs(area - auroc.value) < 1e-5))
        return `scores.json gives ${id} an AUROC of ${area.toFixed(6)} for ${finding} (${scores.protocol}), the catalog says ${auroc.value} (${auroc.protocol})`;
    }
  return undefined;
}

const round = (value: number) => Number(value.toFixed(6));
