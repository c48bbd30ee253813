import { aurocView } from '../core/catalog-view.ts';
import { annotationOf, type FindingResult, notice, type Reading, type RoutedFinding } from '../core/reading.ts';
import type { FindingView, ReadingSummary, ReadingView, RoutedFindingView } from '../core/reading-view.ts';
import type { LoadedFamily } from '../models/load.ts';
import { describeFamily } from '../reading/read.ts';
import { displayName, snomedCode } from './codes.ts';
import { byCall } from './summary.ts';

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
    findings: findings.map((finding) =>
      presentFinding(
        finding,
        ranks.get(finding.finding) ?? findings.length,
        isOfFamily ? measuredBy(family, finding) : undefined,
      ),
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
  findings: ranked(reading).map(({ finding, call, probability, threshold }) => ({
    finding,
    displayName: displayName(finding),
    call,
    probability: brief(probability),
    low: brief(threshold.low),
    high: brief(threshold.high),
  })),
  warnings: [...new Set(reading.warnings.map(({ code }) => code))],
  notice,
});

/** Which variant reads a finding, as the API shows it. */
export function presentRouted({
  finding,
  variant,
  auroc,
  basis,
  meetsTarget,
  why,
  explanation,
  passedOver,
}: RoutedFinding): RoutedFindingView {
  const code = snomedCode(finding);
  return {
    finding,
    displayName: displayName(finding),
    ...(code && { code }),
    variant,
    auroc: aurocView(auroc),
    basis,
    meetsTarget,
    why: explanation ?? why,
    passedOver: [...passedOver],
  };
}

type Measured = { readonly sensitivity?: number; readonly specificity?: number };

function presentFinding(result: FindingResult, rank: number, measured: Measured | undefined): FindingView {
  const { probability, prevalence, threshold, call, heatmap } = result;
  const { low, high, sensitivity = measured?.sensitivity, specificity = measured?.specificity } = threshold;
  return {
    ...presentRouted(result),
    probability,
    prevalence,
    operatingPoint: { low, high, ...accuracy(sensitivity, specificity, prevalence) },
    call,
    rank,
    ...(heatmap && { heatmap }),
  };
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

const measuredBy = ({ catalog }: PresentFamily, { finding, variant }: FindingResult) =>
  catalog.variants.find(({ id }) => id === variant)?.heads[finding]?.threshold;

/** Findings in the order for display. */
const ranked = (reading: Reading) => byCall(reading).flatMap(({ findings }) => findings);

const rounded = (value: number) => Number(value.toFixed(4));
const brief = (value: number) => Number(value.toPrecision(3));
