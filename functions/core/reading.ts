import { z } from 'zod';
import { Auroc } from './catalog.ts';
import { DicomView } from './dicom-view.ts';
import { Heatmap } from './heatmap.ts';
import { ReadingWarning } from './warning.ts';

export const notice = 'Research use only. Not for diagnosis.' as const;

const Score = z.number().min(0).max(1);
const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

export const PassedOver = z
  .object({ variant: z.string(), reason: z.string() })
  .meta({ id: 'PassedOver', description: 'A cheaper variant, and why it was not used.' });

export const PlanView = z
  .object({
    policy: z.string(),
    costDevice: z.string().meta({ description: 'The device whose measured costs were compared.' }),
    costMs: z.number(),
    largest: z.object({ variant: z.string(), costMs: z.number() }),
    costVsLargest: z.number().meta({
      description:
        'Cost of this plan divided by the cost of always using the cheapest variant of the highest resolution.',
    }),
    variants: z.array(
      z.object({
        id: z.string(),
        resolution: z.int(),
        precision: z.string(),
        findings: z.array(z.string()),
        costMs: z.number(),
        upsampled: z
          .boolean()
          .optional()
          .meta({ description: "The variant is larger than the film's own short side." }),
      }),
    ),
  })
  .meta({ id: 'Plan' });
export type PlanView = z.infer<typeof PlanView>;

export const RouteEvidence = {
  finding: z.string(),
  variant: z.string(),
  auroc: Auroc,
  basis: z.enum(['measured', 'published', 'simulated']).meta({
    description: "The evidence for the choice of resolution: this family's own labels, a publication, or a simulation.",
  }),
  meetsTarget: z
    .boolean()
    .meta({ description: 'False when the variant was pinned, or chosen on bestEffort, and misses the rule.' }),
  why: z.string(),
  passedOver: z.array(PassedOver),
};

export const RoutedFinding = z.object(RouteEvidence).meta({ id: 'RoutedFinding' });
export type RoutedFinding = z.infer<typeof RoutedFinding>;

export const FindingResult = z
  .object({
    ...RouteEvidence,
    probability: Score.meta({ description: 'Calibrated, at the stated prevalence.' }),
    prevalence: Score.meta({
      description:
        'The prevalence that the probability assumes: that of the training films, unless the request gives another one.',
    }),
    threshold: z.object({ value: Score, low: Score, high: Score }),
    call: z.enum(['present', 'absent', 'indeterminate']),
    heatmap: Heatmap.optional(),
  })
  .meta({ id: 'FindingResult' });
export type FindingResult = z.infer<typeof FindingResult>;

/** The answer to one film and one request. */
export const Reading = z
  .object({
    id: z.string().meta({
      example: 'rd_4b1f0c…',
      description: 'A digest of film, request, catalog, policy and costs. A retry has the same id.',
    }),
    createdAt: z.iso.datetime(),
    plan: PlanView,
    findings: z.array(FindingResult),
    film: z.object({
      width: z.int(),
      height: z.int(),
      bits: z.union([z.literal(8), z.literal(16)]),
      digest: Digest.optional().meta({
        description:
          'SHA-256 of the pixels that were read. Replaced pixels have another digest, a corrected patient name does not. Absent in readings that an earlier version stored.',
      }),
    }),
    dicom: DicomView.optional(),
    warnings: z.array(ReadingWarning).meta({
      description: 'Faults of the file that did not prevent reading. Empty for most films.',
    }),
    quality: z.object({ frontalChest: z.boolean(), score: Score }),
    timingsMs: z.object({ decode: z.number(), preprocess: z.number(), infer: z.number(), total: z.number() }),
    models: z.record(z.string(), Digest),
    catalog: Digest,
    notice: z.literal(notice),
  })
  .meta({ id: 'Reading' });
export type Reading = z.infer<typeof Reading>;
