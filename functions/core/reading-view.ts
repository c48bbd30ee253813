import { z } from 'zod';
import { OperatingPointName } from './catalog.ts';
import { AurocView, IntervalView } from './catalog-view.ts';
import { DicomView } from './dicom-view.ts';
import { Heatmap } from './heatmap.ts';
import { bases, calls, notice, PassedOver, PlanView } from './reading.ts';
import { ReadingWarning } from './warning.ts';

const Score = z.number().min(0).max(1);
const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const Share = z.number().gt(0).lt(1);

export const CodeView = z
  .object({
    system: z.string().meta({ description: 'The code system, as a URI.', example: 'http://snomed.info/sct' }),
    code: z.string().meta({ description: 'The code in this system.', example: '60046008' }),
    display: z.string().meta({ description: 'The term of the code.', example: 'Pleural effusion' }),
  })
  .meta({ id: 'Code', description: 'A coded concept, as a Coding of FHIR.' });
export type CodeView = z.infer<typeof CodeView>;

const named = {
  finding: z.string().meta({
    description: 'The name of the finding in requests and in the catalog.',
    example: 'Effusion',
  }),
  displayName: z.string().meta({ description: 'The name of the finding for people.', example: 'Pleural effusion' }),
};

const limits = {
  low: Score.meta({ description: 'Below this probability the call is absent.', example: 0.06 }),
  high: Score.meta({
    description:
      'Above this probability the call is present. From low to high the call is indeterminate. If low and high are equal, the call is present from this probability.',
    example: 0.094,
  }),
};

const OperatingPoint = z
  .object({
    name: OperatingPointName.meta({
      description:
        "sensitive: chosen for a sensitivity of 0.90. balanced: chosen by Youden's index, also in readings that an earlier version stored. specific: chosen for a specificity of 0.95.",
      example: 'specific',
    }),
    ...limits,
    sensitivity: Score.optional().meta({
      description:
        'Share of films with the finding that were called present. Measured out of fold with one threshold inside the band, so without indeterminate calls. Absent where the catalog of the reading is not known any more.',
    }),
    specificity: Score.optional().meta({
      description: 'Share of films without the finding that were called absent. Measured like the sensitivity.',
    }),
    positivePredictiveValue: Score.optional().meta({
      description:
        'Probability of the finding if the call is present, computed from sensitivity and specificity at the stated prevalence.',
    }),
    negativePredictiveValue: Score.optional().meta({
      description:
        'Probability that the finding is absent if the call is absent, computed from sensitivity and specificity at the stated prevalence.',
    }),
    ci95: z
      .object({
        sensitivity: IntervalView.optional().meta({ description: 'The interval of the sensitivity.' }),
        specificity: IntervalView.optional().meta({ description: 'The interval of the specificity.' }),
        positivePredictiveValue: IntervalView.optional().meta({
          description: 'The interval of the positive predictive value.',
        }),
        negativePredictiveValue: IntervalView.optional().meta({
          description: 'The interval of the negative predictive value.',
        }),
      })
      .optional()
      .meta({
        description:
          'The 95 % intervals of these shares. Those of predictive values are adjusted to the stated prevalence. Absent where the catalog has none.',
      }),
  })
  .meta({
    id: 'OperatingPoint',
    description:
      'The probabilities at which the call changes, and how good the calls are. In a reading at its prevalence, in a plan at the prevalence of the training films.',
  });
export type OperatingPointView = z.infer<typeof OperatingPoint>;

const routed = {
  ...named,
  code: CodeView.optional().meta({
    description: 'SNOMED CT. Absent where no code with the meaning of the label is known, for example for Hernia.',
  }),
  variant: z.string().meta({ description: 'The id of the variant that reads the finding.', example: 'r448-int8' }),
  operatingPoint: OperatingPoint,
  auroc: AurocView,
  basis: z.enum(bases).meta({
    description:
      "The evidence for the choice of resolution: this family's own labels, a publication, or a simulation. notShown: the smallest size whose difference from the best is not shown on this family's labels, which does not prove that the sizes are equal.",
  }),
  meetsTarget: z
    .boolean()
    .meta({ description: 'False when the variant was pinned, or chosen on bestEffort, and misses the rule.' }),
  why: z.string().meta({
    description: 'Which rule applies to the finding, and why this resolution was used.',
    example:
      '512 px: the published floor for Nodule is 448 px (Sabottke and Spieler 2020); the floor does not rest on films of this family. r448-int8 would suffice, but Emphysema needs r512-int8, and r512-int8 alone costs less than both.',
  }),
  passedOver: z.array(PassedOver).meta({ description: 'Each cheaper variant, and why it was not used.' }),
};

export const RoutedFindingView = z
  .object(routed)
  .meta({ id: 'RoutedFinding', description: 'The variant that reads a finding, with the evidence for the choice.' });
export type RoutedFindingView = z.infer<typeof RoutedFindingView>;

const likelihoodRatio = z.number().positive().meta({
  description:
    'The factor by which the film changes the odds of the finding: the odds at the probability, divided by the odds at the prevalence. It does not depend on the prevalence of the request. A probability of 0 or 1 counts as 0.000001 or 0.999999.',
  example: 2.32,
});

const FilmSummary = z
  .object({
    requested: z.int().meta({ description: 'How many findings were requested.', example: 14 }),
    present: z.array(z.string()).meta({
      description: 'The findings above their thresholds, the highest likelihood ratio first. Empty if there is none.',
      example: ['Edema', 'Effusion'],
    }),
    indeterminate: z
      .array(z.string())
      .meta({ description: 'The findings with an indeterminate call, in the same order.', example: [] }),
    text: z.string().meta({
      description: 'The summary in words, also if no finding exceeds its threshold. The words may change.',
      example: 'None of the 14 requested findings exceeds its threshold at the operating point specific.',
    }),
  })
  .meta({
    id: 'FilmSummary',
    description:
      'Which of the requested findings exceed their thresholds. Findings that were not requested may be present as well.',
  });
export type FilmSummary = z.infer<typeof FilmSummary>;

export const FindingView = z
  .object({
    ...routed,
    probability: Score.meta({ description: 'Calibrated, at the stated prevalence.' }),
    prevalence: Share.meta({
      description:
        'The prevalence that the probability assumes: that of the training films, unless the request gives another one.',
    }),
    call: z.enum(calls).meta({
      description: 'The probability, compared with the operating point. No prevalence of a request changes it.',
    }),
    likelihoodRatio,
    rank: z.int().min(1).meta({
      description:
        'The place of the finding in a list for people: present findings first, then indeterminate ones, then absent ones; within each call by descending likelihoodRatio.',
    }),
    heatmap: Heatmap.optional(),
  })
  .meta({ id: 'FindingResult', description: 'The result of one finding, with its evidence.' });
export type FindingView = z.infer<typeof FindingView>;

const Family = z
  .object({
    name: z.string().meta({ description: 'The name of the family.', example: 'chest14' }),
    version: z.string().meta({
      description: 'The date of the training run, and the first digits of the digest of the catalog.',
      example: '2026-11-23+3b1f0c55aa10',
    }),
    description: z.string().meta({
      description: 'Family, version and training data, in words.',
      example: 'chest14 of 2026-11-23, trained on 1399 films of 1066 patients: NIH ChestX-ray14 (a selected sample)',
    }),
  })
  .meta({ id: 'Family', description: 'The model family that read the film.' });

const RequestView = z
  .object({
    findings: z.array(z.string()).meta({ description: 'The requested findings, in the order of the catalog.' }),
    policy: z.string().meta({ description: 'The policy, also if the request named none.' }),
    minAuroc: z.record(z.string(), z.number()).meta({ description: 'Targets by finding. Empty if none were set.' }),
    operatingPoint: OperatingPointName.optional().meta({
      description:
        'The operating point of every finding, also if the request named none. Absent if the default differs between the findings: each finding states its own.',
    }),
    prevalence: z
      .record(z.string(), z.number())
      .meta({ description: 'Local prevalence by finding. Empty if none was set.' }),
    variant: z.string().optional().meta({ description: 'The pinned variant.' }),
    bestEffort: z.boolean().meta({ description: 'Whether a finding that no variant satisfies is read nevertheless.' }),
    explain: z.enum(['heatmap']).optional().meta({ description: 'Present if heat maps were requested.' }),
  })
  .meta({ id: 'NormalizedRequest', description: 'The request with every default filled in.' });

/** Limits of the annotation of a film, in characters. */
export const annotationLimits = { reference: 200, entries: 20, key: 40, value: 200 } as const;

/** A text with a number of characters. As in JSON Schema, a character is a code point, not a UTF-16 unit. */
function textOfLength(minLength: number, maxLength: number, wrongType = 'expected a text') {
  const isInRange = (text: string) => {
    const { length } = [...text];
    return length >= minLength && length <= maxLength;
  };
  return z
    .string({ error: wrongType })
    .refine(isInRange, `expected ${minLength} to ${maxLength} characters`)
    .meta({ minLength, maxLength });
}

/** The reference of a caller. `wrongType` says what is wrong with a value that is no text. */
export const referenceText = (wrongType?: string) => textOfLength(1, annotationLimits.reference, wrongType);
export const Reference = referenceText();
export const Metadata = z
  .record(textOfLength(1, annotationLimits.key), textOfLength(0, annotationLimits.value), {
    error: `expected an object of texts, with keys of 1 to ${annotationLimits.key} characters and values of at most ${annotationLimits.value}`,
  })
  .refine((entries) => Object.keys(entries).length <= annotationLimits.entries, {
    error: `at most ${annotationLimits.entries} entries are accepted`,
  })
  .meta({
    propertyNames: { type: 'string', minLength: 1, maxLength: annotationLimits.key },
    maxProperties: annotationLimits.entries,
  });

/** The rule that the descriptions of both parameters state. */
const ofCaller =
  'Put no patient data into it: it is stored unencrypted with the reading. It does not influence the reading or its id.';
const first = 'The first request for a film and its parameters sets it; a later request does not change it.';
export const annotationDescription = {
  reference: `Your own reference for the film, at most ${annotationLimits.reference} characters. The reading, its summary and the job repeat it. ${first} ${ofCaller}`,
  metadata: `Your own data: at most ${annotationLimits.entries} texts by name, with names of at most ${annotationLimits.key} characters and values of at most ${annotationLimits.value}. The reading and the job repeat them. ${first} ${ofCaller}`,
} as const;

/** The annotation of a reading or job in answers. */
export const annotationView = {
  reference: Reference.optional().meta({
    description: `The reference of the caller. ${first}`,
    example: 'exam-4711',
  }),
  metadata: Metadata.optional().meta({
    description: `The metadata of the caller. ${first}`,
    example: { ward: 'A3' },
  }),
};

const shared = {
  id: z.string().meta({
    example: 'rd_4b1f0c…',
    description: 'A digest of film, request, catalog, policy and costs. A retry has the same id.',
  }),
  createdAt: z.iso.datetime().meta({ description: 'When the film was read.' }),
};

/** The answer to one film and one request. */
export const ReadingView = z
  .object({
    ...shared,
    view: z.literal('full').meta({ description: 'Tells a reading from its summary.' }),
    ...annotationView,
    family: Family.optional().meta({ description: 'Absent in readings that an earlier version stored.' }),
    request: RequestView.optional().meta({ description: 'Absent in readings that an earlier version stored.' }),
    plan: PlanView,
    summary: FilmSummary,
    findings: z.array(FindingView).meta({ description: 'In the order of the catalog. Sort by rank to display them.' }),
    film: z
      .object({
        width: z.int().meta({ description: 'Width of the upright film in pixels.', example: 1024 }),
        height: z.int().meta({ description: 'Height of the upright film in pixels.', example: 1024 }),
        bits: z.union([z.literal(8), z.literal(16)]).meta({ description: 'Bits per pixel, as decoded.' }),
        digest: Digest.optional().meta({
          description:
            'SHA-256 of the pixels of the whole film. For DICOM, SHA-256 of the stored pixel values (of the compressed stream for lossy JPEG 2000 and HTJ2K) and of the attributes for their rendering. Replaced pixels have another digest, a corrected patient name does not. Absent in readings that an earlier version stored.',
        }),
      })
      .meta({ description: 'The decoded film.' }),
    dicom: DicomView.optional(),
    warnings: z.array(ReadingWarning).meta({
      description:
        'Faults of the file that did not prevent reading. Empty for most films. `media_type_mismatch` is about the Content-Type of one request, so it is in the answer to that request only.',
    }),
    quality: z
      .object({
        frontalChest: z
          .boolean()
          .meta({ description: 'Whether the input gate takes the film for a frontal chest film.' }),
        score: Score.meta({ description: 'The score of the input gate for this class, from 0 to 1.', example: 0.9745 }),
      })
      .meta({ description: 'The verdict of the input gate.' }),
    timingsMs: z
      .object({
        decode: z.number().meta({ description: 'Decoding of the file.' }),
        preprocess: z.number().meta({ description: 'Resizing and normalisation, for all variants.' }),
        infer: z.number().meta({ description: 'The models, for all variants.' }),
        total: z.number().meta({ description: 'All stages.' }),
      })
      .meta({ description: 'Milliseconds per stage, when the film was read.' }),
    models: z.record(z.string(), Digest).meta({ description: 'The digest of each model that ran, by variant.' }),
    catalog: Digest.meta({ description: 'The digest of the catalog.' }),
    notice: z.literal(notice).meta({ description: 'The limit of use. Show it with every result.' }),
  })
  .meta({ id: 'Reading', description: 'The answer to one film and one request, with its evidence.' });
export type ReadingView = z.infer<typeof ReadingView>;

const FindingSummary = z
  .object({
    ...named,
    call: z.enum(calls).meta({ description: 'The probability, compared with low and high.' }),
    probability: Score.meta({ description: 'Calibrated, to three significant digits.' }),
    ...limits,
  })
  .meta({ id: 'FindingSummary', description: 'The result of one finding, without its evidence.' });

/** The part of a reading that a list of findings needs. */
export const ReadingSummary = z
  .object({
    ...shared,
    view: z.literal('summary').meta({ description: 'Tells a summary from the full reading.' }),
    reference: annotationView.reference,
    summary: z
      .object({
        text: z.string().meta({
          description: 'How many of the requested findings exceed their thresholds, and at which operating point.',
          example: 'None of the 14 requested findings exceeds its threshold at the operating point specific.',
        }),
      })
      .meta({ description: 'The film in one sentence.' }),
    findings: z
      .array(FindingSummary)
      .meta({ description: 'In the order for display: by rank, so present findings come first.' }),
    warnings: z.array(z.string()).meta({ description: 'The codes of the warnings of the reading.' }),
    notice: z.literal(notice).meta({ description: 'The limit of use. Show it with every result.' }),
  })
  .meta({ id: 'ReadingSummary', description: 'A reading without its evidence.' });
export type ReadingSummary = z.infer<typeof ReadingSummary>;
