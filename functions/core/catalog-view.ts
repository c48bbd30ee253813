import { z } from 'zod';
import {
  Auroc,
  Catalog,
  Comparison,
  HeadFile,
  type Interval,
  type OperatingPoint,
  operatingPointMembers,
  Quality,
  Rate,
  ResolutionCurve,
  resolutionCurveOf,
  type Share,
  Variant,
} from './catalog.ts';

/** A 95 % confidence interval as the API shows it. Catalog files contain a pair of numbers instead. */
export const IntervalView = z
  .object({
    low: z.number().meta({ description: 'Lower end.' }),
    high: z.number().meta({ description: 'Upper end.' }),
  })
  .meta({ id: 'Interval', description: 'A 95 % confidence interval.' });
export type IntervalView = z.infer<typeof IntervalView>;

export const AurocView = z
  .object({
    value: Auroc.shape.value.meta({ description: 'The point estimate.', example: 0.712 }),
    ci95: IntervalView,
    positives: Auroc.shape.positives.meta({ description: 'Films with the finding.' }),
    negatives: Auroc.shape.negatives.meta({ description: 'Films without the finding.' }),
    protocol: Auroc.shape.protocol.meta({
      description:
        'heldOut: measured on films that were held out of training. crossValidated: measured out of fold; the served weights were refitted on all films.',
    }),
  })
  .meta({ id: 'Auroc', description: "Area under the ROC curve, measured on the family's own films." });
export type AurocView = z.infer<typeof AurocView>;

const Unit = z.number().min(0).max(1);
const share = (description: string) =>
  z
    .object({
      value: Unit.meta({ description: 'The point estimate.' }),
      ci95: IntervalView.optional().meta({ description: 'Absent in catalogs of earlier versions.' }),
    })
    .meta({ description });
const OperatingPointView = z.object(operatingPointMembers(share)).meta({
  id: 'MeasuredOperatingPoint',
  description:
    'Where calls change, on calibrated probability at the prevalence of the head, and how good the calls are.',
});
const { threshold: _, ...headFields } = HeadFile.shape;
const HeadView = z
  .object({
    ...headFields,
    auroc: AurocView,
    withinStrata: z
      .object({ value: Unit.meta({ description: 'The point estimate.' }), ci95: IntervalView })
      .optional()
      .meta(HeadFile.shape.withinStrata.meta() ?? {}),
    operatingPoints: z
      .object({
        sensitive: OperatingPointView.optional(),
        balanced: OperatingPointView.optional(),
        specific: OperatingPointView.optional(),
      })
      .meta({ description: 'The measured operating points by name, at least one.' }),
  })
  .meta({ id: 'Head', description: 'The measurements of one variant for one finding.' });
const VariantView = z
  .object({ ...Variant.shape, heads: z.record(z.string(), HeadView).meta({ description: 'Measurements by finding.' }) })
  .meta({ id: 'Variant', description: 'One model file: a resolution and a precision.' });
const ComparisonView = z
  .object({
    ...Comparison.shape,
    ci95: IntervalView,
    withinStrata: z
      .object({ difference: z.number().meta({ description: 'The difference within strata.' }), ci95: IntervalView })
      .optional()
      .meta(Comparison.shape.withinStrata.meta() ?? {}),
  })
  .meta({ id: 'Comparison', description: 'A paired difference of AUROC on the same films: variant minus reference.' });
const RateView = z
  .object({ ...Rate.shape, ci95: IntervalView })
  .meta({ id: 'Rate', description: 'A share of films with its interval.' });
const QualityView = z
  .object({
    ...Quality.shape,
    falseRefusals: z
      .array(RateView)
      .meta({ description: 'Share of frontal chest films that the gate refuses wrongly.' }),
    passUnderShift: z.array(RateView).meta({ description: 'Share of films from other sources that the gate accepts.' }),
    catches: z.array(RateView).meta({ description: 'Share of images that the gate refuses and should refuse.' }),
  })
  .meta({ id: 'Quality', description: 'The input gate, and its measured error rates.' });

/** The catalog as the API shows it: intervals have names for their ends. */
export const CatalogContent = z
  .object({
    ...Catalog.shape,
    variants: z.array(VariantView).meta({ description: 'The variants of the family.' }),
    comparisons: z.array(ComparisonView).meta({ description: 'Paired comparisons of variants.' }),
    quality: QualityView,
    resolutionCurve: resolutionCurveOf(IntervalView)
      .meta(ResolutionCurve.meta() ?? {})
      .optional(),
    notServed: z
      .array(
        z
          .object({
            finding: z.string().meta({ description: 'The name of the finding.' }),
            reason: z.string().meta({ description: 'Why the family does not serve the finding.' }),
            auroc: z.record(z.string(), AurocView).meta({ description: 'AUROC by variant.' }),
          })
          .meta({
            id: 'NotServed',
            description: 'A finding of the training labels that the family does not serve.',
          }),
      )
      .optional()
      .meta({
        description: 'Findings that the family does not serve. Absent where every finding of the labels is served.',
      }),
  })
  .meta({ id: 'Catalog', description: 'A model family: its variants with their costs and measurements.' });
export type CatalogContent = z.infer<typeof CatalogContent>;

export const intervalView = ([low, high]: Interval): IntervalView => ({ low, high });

const shareView = ({ value, ci95 }: Share) => ({ value, ...(ci95 && { ci95: intervalView(ci95) }) });

const operatingPointView = (point: OperatingPoint) => ({
  ...point,
  sensitivity: shareView(point.sensitivity),
  specificity: shareView(point.specificity),
  positivePredictiveValue: point.positivePredictiveValue && shareView(point.positivePredictiveValue),
  negativePredictiveValue: point.negativePredictiveValue && shareView(point.negativePredictiveValue),
});

export const aurocView = (auroc: Auroc): AurocView => ({ ...auroc, ci95: intervalView(auroc.ci95) });

const withNamedEnds = <Measured extends { readonly ci95: Interval }>(measured: Measured) => ({
  ...measured,
  ci95: intervalView(measured.ci95),
});

type Curve = ResolutionCurve['mean'];

const mapValues = <Value, Mapped>(record: Readonly<Record<string, Value>>, map: (value: Value) => Mapped) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

const curvePartsView = ({ bySide, againstReference }: Omit<Curve, 'withinStrata'>) => ({
  bySide: mapValues(bySide, withNamedEnds),
  againstReference: mapValues(againstReference, withNamedEnds),
});

const curveView = ({ withinStrata, ...pooled }: Curve) => ({
  ...curvePartsView(pooled),
  ...(withinStrata && { withinStrata: curvePartsView(withinStrata) }),
});

export function catalogContent(catalog: Catalog): CatalogContent {
  const { variants, comparisons, quality, notServed, resolutionCurve } = catalog;
  return {
    ...catalog,
    variants: variants.map((variant) => ({
      ...variant,
      heads: mapValues(variant.heads, (head) => ({
        ...head,
        auroc: aurocView(head.auroc),
        withinStrata: head.withinStrata && withNamedEnds(head.withinStrata),
        operatingPoints: mapValues(head.operatingPoints, (point) => point && operatingPointView(point)),
      })),
    })),
    comparisons: comparisons.map((comparison) => ({
      ...withNamedEnds(comparison),
      withinStrata: comparison.withinStrata && withNamedEnds(comparison.withinStrata),
    })),
    quality: {
      ...quality,
      falseRefusals: quality.falseRefusals.map(withNamedEnds),
      passUnderShift: quality.passUnderShift.map(withNamedEnds),
      catches: quality.catches.map(withNamedEnds),
    },
    resolutionCurve: resolutionCurve && {
      ...resolutionCurve,
      mean: curveView(resolutionCurve.mean),
      findings: mapValues(resolutionCurve.findings, curveView),
    },
    notServed: notServed?.map((entry) => ({ ...entry, auroc: mapValues(entry.auroc, aurocView) })),
  };
}
