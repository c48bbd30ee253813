import { z } from 'zod';
import type { Auroc, OperatingPoint, OperatingPointName } from './catalog.ts';
import type { DicomView } from './dicom-view.ts';
import type { Heatmap } from './heatmap.ts';
import type { ReadingWarning } from './warning.ts';

export const notice = 'Research use only. Not for diagnosis.' as const;

export const PassedOver = z
  .object({
    variant: z.string().meta({ description: 'The id of the variant.', example: 'r256-int8' }),
    reason: z.string().meta({ description: 'Why the variant was not used, in words.' }),
  })
  .meta({ id: 'PassedOver', description: 'A cheaper variant, and why it was not used.' });
export type PassedOver = z.infer<typeof PassedOver>;

export const PlanView = z
  .object({
    policy: z.string().meta({ description: 'The policy of the plan.', example: 'sabottke-spieler-2020' }),
    costDevice: z.string().meta({ description: 'The device whose measured costs were compared.' }),
    costMeasuredOn: z.string().optional().meta({
      description:
        'Processor or accelerator, runtime, reference film and date of the measurement of the costs. Absent in readings of earlier versions.',
    }),
    costMs: z.number().meta({
      description:
        'The measured cost of the plan per film in milliseconds: decodeMs, and costMs of each variant. Without decodeMs it is the time of the models alone.',
      example: 17.79,
    }),
    decodeMs: z.number().optional().meta({
      description:
        'The part of costMs for decoding a reference film once: the dearest decoding of the variants. Absent if the costs do not contain decoding and resizing.',
    }),
    largest: z
      .object({
        variant: z.string().meta({ description: 'The id of the variant.', example: 'r512-int8' }),
        costMs: z.number().meta({
          description: 'The measured cost per film in milliseconds. It contains decoding if the plan has decodeMs.',
          example: 23.13,
        }),
      })
      .meta({ description: 'The cheapest variant of the highest resolution.' }),
    costVsLargest: z.number().meta({
      description:
        'Cost of this plan divided by the cost of always using the cheapest variant of the highest resolution.',
    }),
    variants: z
      .array(
        z.object({
          id: z.string().meta({ description: 'The id of the variant.', example: 'r448-int8' }),
          resolution: z.int().meta({ description: 'The side of the input in pixels.', example: 448 }),
          precision: z.string().meta({ description: 'The number format of the model.', example: 'int8' }),
          findings: z.array(z.string()).meta({ description: 'The findings that the variant reads.' }),
          costMs: z.number().meta({
            description:
              'The measured cost per film in milliseconds, without decoding: resizing, tensor and inference. Without decodeMs of the plan: inference alone.',
            example: 17.79,
          }),
          upsampled: z
            .boolean()
            .optional()
            .meta({ description: "The variant is larger than the film's own short side." }),
        }),
      )
      .meta({ description: 'The variants that run.' }),
  })
  .meta({ id: 'Plan', description: 'The variants that run, and their cost.' });
export type PlanView = z.infer<typeof PlanView>;

/**
 * The evidence for a choice of resolution: this family's own labels, a publication, a simulation, or no difference that was shown on
 * this family's labels.
 */
export const bases = ['measured', 'published', 'simulated', 'notShown'] as const;
export const calls = ['present', 'absent', 'indeterminate'] as const;

/** The operating point of a finding as the catalog measured it, at the prevalence of the training films. */
export type RoutedOperatingPoint = Omit<OperatingPoint, 'method'> & {
  readonly name: OperatingPointName;
  readonly prevalence: number;
};

/** The variant that reads a finding, and the evidence for this choice. */
export type RoutedFinding = {
  readonly finding: string;
  readonly variant: string;
  readonly auroc: Auroc;
  /** Absent in readings that an earlier version stored. Their operating point is the one that is `balanced` today. */
  readonly operatingPoint?: RoutedOperatingPoint;
  readonly basis: (typeof bases)[number];
  /** False if the variant was pinned, or chosen on bestEffort, and misses the rule. */
  readonly meetsTarget: boolean;
  /** Reports contain this text, and UIDs of results are derived from it. So its wording never changes. */
  readonly why: string;
  /** The reason in full, for the answers of the API. Absent in readings that an earlier version stored. */
  readonly explanation?: string;
  readonly passedOver: readonly PassedOver[];
};

/** A finding of a new plan. It always has an operating point. */
export type PlannedFinding = RoutedFinding & { readonly operatingPoint: RoutedOperatingPoint };

export type FindingResult = RoutedFinding & {
  /** Calibrated, at `prevalence`. */
  readonly probability: number;
  readonly prevalence: number;
  /**
   * The limits of the call, at `prevalence`. A call is indeterminate from `low` to `high`. `value` decides only where the two are equal.
   * The call itself is made at the prevalence of the training films.
   */
  readonly threshold: {
    readonly value: number;
    readonly low: number;
    readonly high: number;
    /** Only in readings that an earlier version stored. Others have them in `operatingPoint`. */
    readonly sensitivity?: number;
    readonly specificity?: number;
  };
  readonly call: (typeof calls)[number];
  /** The factor by which the film changes the odds of the finding. Absent in readings that an earlier version stored. */
  readonly likelihoodRatio?: number;
  readonly heatmap?: Heatmap;
};

/** The family that read, as its catalog describes it. */
export type FamilyDescription = {
  readonly name: string;
  /** The date of the training run. */
  readonly date: string;
  readonly dataset: string;
  readonly films: number;
  readonly patients: number;
};

/** The normalised request of a reading: findings in catalog order, every default filled in. */
export type RequestEcho = {
  readonly findings: readonly string[];
  readonly policy: string;
  /** Undefined if none was named and the default differs between the findings, and in readings that an earlier version stored. */
  readonly operatingPoint?: OperatingPointName | undefined;
  readonly minAuroc: Readonly<Record<string, number>>;
  readonly prevalence: Readonly<Record<string, number>>;
  readonly variant?: string | undefined;
  readonly bestEffort: boolean;
  readonly explain: boolean;
};

/** Data of the caller that accompany a film. They do not influence its reading, and they must contain no patient data. */
export type Annotation = {
  readonly reference?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
};

/** The data of the caller that accompany a film. */
export const annotationOf = ({ reference, metadata }: Annotation): Annotation => ({
  ...(reference !== undefined && { reference }),
  ...(metadata && { metadata }),
});

/**
 * A reading without the warning about the media type of its request. The next request for the film may declare the right type, so the
 * warning is part of an answer and is not stored.
 */
export const withoutMismatch = (reading: Reading): Reading => ({
  ...reading,
  warnings: reading.warnings.filter(({ code }) => code !== 'media_type_mismatch'),
});

/**
 * The result of one film and one request, as it is stored. Members that are optional are absent in readings that an earlier
 * version stored. `ReadingView` is the same reading as the API shows it.
 */
export type Reading = Annotation & {
  readonly id: string;
  readonly createdAt: string;
  readonly family?: FamilyDescription;
  readonly request?: RequestEcho;
  readonly plan: PlanView;
  readonly findings: readonly FindingResult[];
  readonly film: {
    readonly width: number;
    readonly height: number;
    readonly bits: 8 | 16;
    /** SHA-256 of the pixels of the whole film; for DICOM, of the data that determine these pixels. */
    readonly digest?: string;
  };
  readonly dicom?: DicomView;
  readonly warnings: readonly ReadingWarning[];
  readonly quality: { readonly frontalChest: boolean; readonly score: number };
  readonly timingsMs: {
    readonly decode: number;
    readonly preprocess: number;
    readonly infer: number;
    readonly total: number;
  };
  /** The digest of each model that ran. */
  readonly models: Readonly<Record<string, string>>;
  readonly catalog: string;
  readonly notice: typeof notice;
};
