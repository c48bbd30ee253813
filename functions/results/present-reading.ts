import type { Catalog, Share } from '../core/catalog.ts';
import { aurocView, intervalView } from '../core/catalog-view.ts';
import {
  annotationOf,
  type FindingResult,
  notice,
  type PlannedFinding,
  type Reading,
  type RoutedFinding,
} from '../core/reading.ts';
import type {
  FindingView,
  OperatingPointView,
  ReadingSummary,
  ReadingView,
  RoutedFindingView,
} from '../core/reading-view.ts';
import type { LoadedFamily } from '../models/load.ts';
import { adjustToPrevalence } from '../reading/calibrate.ts';
import { describeFamily } from '../reading/read.ts';
import { displayName, snomedCode } from './codes.ts';
import { type KnownOperatingPoint, operatingPointOf } from './operating-point.ts';
import { byCall, filmStatement, filmSummary, likelihoodRatioOf } from './summary.ts';

/** The family that is loaded. It completes readings that an earlier version stored. */
export type PresentFamily = Pick<LoadedFamily, 'catalog' | 'digest'>;

/** A reading as the API shows it. */
export function presentReading(reading: Reading, family: PresentFamily): ReadingView {
  const { id, createdAt, family: read, request, plan, findings, ...rest } = reading;
  const isOfFamily = reading.catalog === `sha256:${family.digest}`;
  const described = read ?? (isOfFamily ? describeFamily(family.catalog) : undefined);
  const ranks = new Map(ranked(reading).map(({ finding }, index) => [finding, index + 1]));
  return {
    id,
    view: 'full',
    ...annotationOf(reading),
    createdAt,
    family: described && {
      name: described.name,
      version: `${described.date}+${reading.catalog.slice('sha256:'.length).slice(0, 12)}`,
      description: `${described.name} of ${described.date}, trained on ${described.films} films of ${described.patients} patients: ${described.dataset}`,
    },
    request: request && {
      ...request,
      findings: [...request.findings],
      explain: request.explain ? 'heatmap' : undefined,
    },
    plan,
    summary: filmSummary(reading),
    findings: findings.map((finding) =>
      presentFinding(finding, ranks.get(finding.finding) ?? findings.length, isOfFamily ? family.catalog : undefined),
    ),
    ...rest,
    warnings: [...reading.warnings],
    notice,
  };
}

/** A reading without its evidence. */
export const summarizeReading = (reading: Reading): ReadingSummary => ({
  id: reading.id,
  view: 'summary',
  ...(reading.reference !== undefined && { reference: reading.reference }),
  createdAt: reading.createdAt,
  summary: { text: filmStatement(reading) },
  findings: ranked(reading).map((result) => ({
    finding: result.finding,
    displayName: displayName(result.finding),
    call: result.call,
    probability: brief(result.probability),
    low: brief(result.threshold.low),
    high: brief(result.threshold.high),
  })),
  warnings: [...new Set(reading.warnings.map(({ code }) => code))],
  notice,
});

/** Which variant reads a finding of a plan, as the API shows it. */
export const presentRouted = (planned: PlannedFinding): RoutedFindingView =>
  routedView(
    planned,
    operatingPointView(planned.operatingPoint, planned.operatingPoint, planned.operatingPoint.prevalence),
  );

function routedView(
  { finding, variant, auroc, basis, meetsTarget, why, explanation, passedOver }: RoutedFinding,
  operatingPoint: OperatingPointView,
): RoutedFindingView {
  const code = snomedCode(finding);
  return {
    finding,
    displayName: displayName(finding),
    ...(code && { code }),
    variant,
    operatingPoint,
    auroc: aurocView(auroc),
    basis,
    meetsTarget,
    why: explanation ?? why,
    passedOver: [...passedOver],
  };
}

function presentFinding(result: FindingResult, rank: number, catalog: Catalog | undefined): FindingView {
  const { probability, prevalence, threshold, call, heatmap } = result;
  return {
    ...routedView(result, operatingPointView(threshold, operatingPointOf(result, catalog), prevalence)),
    probability,
    prevalence,
    call,
    likelihoodRatio: likelihoodRatioOf(result),
    rank,
    ...(heatmap && { heatmap }),
  };
}

/** An operating point with the limits of its calls at a prevalence. */
function operatingPointView(
  { low, high }: { readonly low: number; readonly high: number },
  point: KnownOperatingPoint,
  prevalence: number,
): OperatingPointView {
  const { name, sensitivity, specificity, positivePredictiveValue, negativePredictiveValue } = point;
  const from = point.prevalence ?? prevalence;
  const ci95 = {
    ...interval('sensitivity', sensitivity),
    ...interval('specificity', specificity),
    ...interval('positivePredictiveValue', positivePredictiveValue, (p) => adjustToPrevalence(p, from, prevalence)),
    // The absence of a finding has the complementary prevalence.
    ...interval('negativePredictiveValue', negativePredictiveValue, (p) =>
      adjustToPrevalence(p, 1 - from, 1 - prevalence),
    ),
  };
  return {
    name,
    low,
    high,
    ...accuracy(sensitivity?.value, specificity?.value, prevalence),
    ...(Object.keys(ci95).length > 0 && { ci95 }),
  };
}

/** The interval of a share by its name; nothing if it was not measured. */
function interval(name: string, share: Share | undefined, adjusted = (end: number): number => end) {
  if (!share?.ci95) return {};
  const [low, high] = share.ci95;
  return { [name]: intervalView([rounded(adjusted(low)), rounded(adjusted(high))]) };
}

/** Sensitivity and specificity of the operating point, and the predictive values that follow from both at a prevalence. */
export function accuracy(sensitivity: number | undefined, specificity: number | undefined, prevalence: number) {
  if (sensitivity === undefined || specificity === undefined) return {};
  const truePositives = sensitivity * prevalence;
  const falsePositives = (1 - specificity) * (1 - prevalence);
  const trueNegatives = specificity * (1 - prevalence);
  const falseNegatives = (1 - sensitivity) * prevalence;
  return {
    sensitivity,
    specificity,
    // Without any positive or negative call, the value is undefined.
    ...(truePositives + falsePositives > 0 && {
      positivePredictiveValue: rounded(truePositives / (truePositives + falsePositives)),
    }),
    ...(trueNegatives + falseNegatives > 0 && {
      negativePredictiveValue: rounded(trueNegatives / (trueNegatives + falseNegatives)),
    }),
  };
}

/** Findings in the order for display. */
const ranked = (reading: Reading) => byCall(reading).flatMap(({ findings }) => findings);

const rounded = (value: number) => Number(value.toFixed(4));
const brief = (value: number) => Number(value.toPrecision(3));
