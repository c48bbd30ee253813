import { z } from 'zod';

// These values size memory, and a catalog may come from an untrusted source. The bounds are far above what a family needs.
const maxSide = 4096;
export const maxModelBytes = 1_000_000_000;
const maxFindings = 200;
const maxVariants = 16;
const maxClasses = 100;
const maxPoints = 10_000;

/** How a number was measured. `crossValidated`: out of fold; the served weights were refitted on all films. */
export const Protocol = z.enum(['heldOut', 'crossValidated']);
export type Protocol = z.infer<typeof Protocol>;

const Unit = z.number().min(0).max(1);
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** Lower and upper end of a 95 % confidence interval. */
export const Interval = z.tuple([z.number(), z.number()]).refine(([low, high]) => low <= high, {
  error: 'the lower end of an interval is above its upper end',
});
export type Interval = z.infer<typeof Interval>;

const inside = (value: number, [low, high]: Interval) => low <= value && value <= high;
const outside = { error: 'the interval does not contain its value', path: ['ci95'] };

/** Area under the ROC curve on the family's own films. */
export const Auroc = z
  .object({
    value: Unit,
    ci95: Interval,
    positives: z.int().positive(),
    negatives: z.int().positive(),
    protocol: Protocol,
  })
  .refine(({ value, ci95 }) => inside(value, ci95), outside)
  .meta({ id: 'Auroc' });
export type Auroc = z.infer<typeof Auroc>;

const rises = (values: readonly number[]) => values.every((value, i) => i === 0 || value >= (values[i - 1] ?? 0));

const points = (number: z.ZodNumber) => z.array(number).min(1).max(maxPoints);

/** How a logit becomes a probability. Every method increases with the logit, so calibration does not change the AUROC. */
export const Calibration = z
  .discriminatedUnion('method', [
    z.object({
      method: z.literal('platt').meta({ description: 'Platt scaling: 1 / (1 + exp(-(slope * logit + intercept))).' }),
      slope: z.number().positive().meta({ description: 'The slope, per unit of logit.' }),
      intercept: z.number().meta({ description: 'The intercept.' }),
    }),
    z.object({
      method: z.literal('beta').meta({
        description:
          'Beta calibration: with s the logistic of (logit - centre) / scale, the log odds are a ln s - b ln(1 - s) + c.',
      }),
      a: z.number().min(0).meta({ description: 'The factor of ln s.' }),
      b: z.number().min(0).meta({ description: 'The factor of -ln(1 - s).' }),
      c: z.number().meta({ description: 'The constant term of the log odds.' }),
      centre: z.number().meta({ description: 'The logit that becomes 0.' }),
      scale: z.number().positive().meta({ description: 'The unit of the logit.' }),
    }),
    z
      .object({
        method: z.literal('isotonic').meta({
          description: 'Isotonic calibration: a rising line through the points (x, y), flat beyond its ends.',
        }),
        x: points(z.number()).meta({ description: 'Logits, rising.' }),
        y: points(Unit).meta({ description: 'Probabilities, rising, one per logit.' }),
      })
      .refine(({ x, y }) => x.length === y.length && rises(x) && rises(y), 'x and y must rise and be equally long'),
  ])
  .meta({ id: 'Calibration', description: 'How a logit becomes a probability.' });
export type Calibration = z.infer<typeof Calibration>;

/** The named operating points, each with the default first if it was measured. */
export const operatingPointNames = ['specific', 'balanced', 'sensitive'] as const;
export const OperatingPointName = z.enum(operatingPointNames);
export type OperatingPointName = z.infer<typeof OperatingPointName>;

/** A share of films with its interval. Catalogs of earlier versions have no interval. */
export type Share = { readonly value: number; readonly ci95?: Interval };

const limits = {
  low: Unit.meta({ description: 'Below this probability a call is absent.' }),
  high: Unit.meta({ description: 'Above this probability a call is present.' }),
};

const share = (description: string) =>
  z
    .object({ value: Unit, ci95: Interval })
    .refine(({ value, ci95 }) => inside(value, ci95), outside)
    .meta({ description });

const shareDescriptions = {
  sensitivity: 'Share of films with the finding that reach the threshold.',
  specificity: 'Share of films without the finding that do not reach the threshold.',
  positivePredictiveValue:
    'Share of films with the finding among those that reach the threshold, at the prevalence of the head. Absent if no film reaches it.',
  negativePredictiveValue:
    'Share of films without the finding among those that do not reach the threshold, at the prevalence of the head. Absent if every film reaches it.',
} as const;

/** The members of an operating point. `shareOf` makes the schema of a share, because files and answers show its interval in different ways. */
export const operatingPointMembers = <S extends z.ZodType>(shareOf: (description: string) => S) => ({
  threshold: Unit.meta({ description: 'The threshold at which the shares were measured.' }),
  ...limits,
  sensitivity: shareOf(shareDescriptions.sensitivity),
  specificity: shareOf(shareDescriptions.specificity),
  positivePredictiveValue: shareOf(shareDescriptions.positivePredictiveValue).optional(),
  negativePredictiveValue: shareOf(shareDescriptions.negativePredictiveValue).optional(),
  indeterminate: Unit.optional().meta({
    description:
      'Share of the measured films with a probability from low to high, out of fold. Absent if it was not measured.',
  }),
  method: z.string().min(1).meta({ description: 'How the threshold and its band were chosen, in words.' }),
});

/** Where calls change, on calibrated probability at the prevalence of the head, and how good these calls are. */
const OperatingPointFile = z
  .strictObject(operatingPointMembers(share))
  .refine(({ threshold, low, high }) => low <= threshold && threshold <= high, {
    error: 'the threshold lies outside its indeterminate band',
    path: ['threshold'],
  })
  .meta({
    id: 'OperatingPoint',
    description: 'Where calls change, on calibrated probability at the prevalence of the head.',
  });

/** An operating point of a head. Those of earlier versions have neither intervals nor predictive values. */
export type OperatingPoint = {
  readonly threshold: number;
  readonly low: number;
  readonly high: number;
  readonly sensitivity: Share;
  readonly specificity: Share;
  readonly positivePredictiveValue?: Share | undefined;
  readonly negativePredictiveValue?: Share | undefined;
  readonly indeterminate?: number;
  readonly method: string;
};
export type OperatingPoints = { readonly [Name in OperatingPointName]?: OperatingPoint | undefined };

/** The one operating point of a catalog of an earlier version. */
const Threshold = z
  .object({
    value: Unit.meta({ description: 'The threshold at which sensitivity and specificity were measured.' }),
    ...limits,
    sensitivity: Unit.meta({ description: shareDescriptions.sensitivity }),
    specificity: Unit.meta({ description: shareDescriptions.specificity }),
    method: z.string().min(1).meta({ description: 'How the threshold was chosen, in words.' }),
  })
  .refine(({ value, low, high }) => low <= value && value <= high, {
    error: 'the threshold lies outside its indeterminate band',
    path: ['value'],
  })
  .meta({ id: 'Threshold', description: 'Of catalogs of earlier versions: the operating point `balanced`.' });

/** The operating point `balanced` of a catalog of an earlier version. */
const balancedOf = ({ value, sensitivity, specificity, ...rest }: z.infer<typeof Threshold>): OperatingPoints => ({
  balanced: { ...rest, threshold: value, sensitivity: { value: sensitivity }, specificity: { value: specificity } },
});

/** The measurements of one variant for one finding, as a catalog file has them. */
export const HeadFile = z
  .object({
    auroc: Auroc,
    withinStrata: z
      .object({ value: Unit, ci95: Interval })
      .refine(({ value, ci95 }) => inside(value, ci95), outside)
      .optional()
      .meta({ description: 'The AUROC over the pairs of films of one view and one source collection.' }),
    calibration: Calibration,
    operatingPoints: z
      .strictObject({
        sensitive: OperatingPointFile.optional().meta({ description: 'Chosen for a sensitivity of 0.90.' }),
        balanced: OperatingPointFile.optional().meta({ description: "Chosen by Youden's index." }),
        specific: OperatingPointFile.optional().meta({ description: 'Chosen for a specificity of 0.95.' }),
      })
      .refine((points) => Object.values(points).some((point) => point !== undefined), 'has no operating point')
      .optional()
      .meta({ description: 'The measured operating points by name, at least one.' }),
    threshold: Threshold.optional(),
    ece: Unit.optional().meta({ description: 'Expected calibration error of the calibrated probability.' }),
    prevalence: z
      .number()
      .gt(0)
      .lt(1)
      .meta({ description: 'Share of training films with the finding. The probability assumes this prevalence.' }),
  })
  .meta({ id: 'Head' });

/** The measurements of one variant for one finding. The `threshold` of earlier versions becomes an operating point here. */
const Head = HeadFile.transform(({ threshold, operatingPoints, ...head }, context) => {
  const points: OperatingPoints | undefined = operatingPoints ?? (threshold && balancedOf(threshold));
  if (points && !(operatingPoints && threshold)) return { ...head, operatingPoints: points };
  context.addIssue({ code: 'custom', message: 'needs either operatingPoints or threshold' });
  return z.NEVER;
});
export type Head = z.infer<typeof Head>;

/** How a film becomes the input tensor, in training and in serving. */
export const Input = z
  .object({
    channels: z.literal(1).meta({ description: 'One gray channel.' }),
    mean: z.number().meta({ description: 'The mean that is subtracted, on pixels scaled to [0, 1].' }),
    std: z.number().positive().meta({ description: 'The standard deviation by which pixels are divided.' }),
    kernel: z.literal('lanczos3').meta({ description: 'The kernel of the resizing.' }),
    fit: z.literal('contain').meta({ description: 'contain: the whole film, centred on black, aspect ratio kept.' }),
  })
  .meta({ id: 'Input', description: 'How a film becomes the input tensor.' });
export type Input = z.infer<typeof Input>;

/**
 * The cost of one film. With `decodeMs` for a device, `ms` covers everything after decoding: resizing, tensor and inference. Without
 * `decodeMs`, `ms` is the time of the graph alone, and decoding counts as 0.
 */
export const Cost = z
  .object({
    gmacs: z.number().positive().meta({ description: 'Multiply-accumulate operations per film, in units of 10^9.' }),
    ms: z.record(z.string(), z.number().positive()).meta({
      description:
        'Median milliseconds per film after decoding, batch 1, one thread, by device: resizing, tensor and inference. Of a device without decodeMs: the graph alone.',
    }),
    decodeMs: z.record(z.string(), z.number().positive()).optional().meta({
      description:
        'Median milliseconds to decode the reference film as far as the resolution needs, by device. A film is decoded once per plan, and the plan counts the dearest decoding of its variants.',
    }),
    measuredOn: z.record(z.string(), z.string()).meta({
      description: 'Processor or accelerator, runtime, reference film and date of the measurement, by device.',
    }),
  })
  .meta({ id: 'Cost', description: 'The measured cost of one film.' });
export type Cost = z.infer<typeof Cost>;

/** The costs of all variants on one device, in milliseconds per film. */
export type DeviceCosts = {
  readonly device: string;
  readonly measuredOn: string;
  /** By variant. */
  readonly variants: Readonly<Record<string, { readonly ms: number; readonly decodeMs: number }>>;
};

export const Precision = z.enum(['fp32', 'fp16', 'int8']);
export type Precision = z.infer<typeof Precision>;

/** One model file: a resolution and a precision. */
export const Variant = z
  .object({
    id: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes')
      .meta({ description: 'The id of the variant.', example: 'r448-int8' }),
    resolution: z
      .int()
      .positive()
      .max(maxSide, `a side of at most ${maxSide} pixels is served`)
      .meta({ description: 'The side of the input in pixels.' }),
    precision: Precision.meta({ description: 'The number format of the model.' }),
    file: z
      .string()
      .regex(/^[\w.-]+\.onnx$/, 'expected the name of an .onnx file beside the catalog')
      .meta({ description: 'The model file.' }),
    sha256: Sha256.meta({ description: 'SHA-256 of the model file, in hexadecimal.' }),
    bytes: z
      .int()
      .positive()
      .max(maxModelBytes, `a model of at most ${maxModelBytes} bytes is served`)
      .meta({ description: 'The size of the model file in bytes.' }),
    input: Input,
    cost: Cost,
    heads: z.record(z.string(), Head),
  })
  .meta({ id: 'Variant' });
export type Variant = z.infer<typeof Variant>;

/** A paired AUROC difference (variant minus reference) on the same films. */
export const Comparison = z
  .object({
    finding: z.string().meta({ description: 'The name of the finding.' }),
    variant: z.string().meta({ description: 'The id of the variant.' }),
    reference: z.string().meta({ description: 'The id of the variant that it is compared with.' }),
    difference: z.number().meta({ description: 'AUROC of the variant minus AUROC of the reference.' }),
    ci95: Interval,
    withinStrata: z
      .object({ difference: z.number(), ci95: Interval })
      .refine(({ difference, ci95 }) => inside(difference, ci95), outside)
      .optional()
      .meta({
        description:
          'The difference over the pairs of films of one view and one source collection. A rule nonInferiorTo uses this difference where it exists.',
      }),
    protocol: Protocol.meta({ description: 'How the difference was measured.' }),
  })
  .refine(({ difference, ci95 }) => inside(difference, ci95), outside)
  .meta({ id: 'Comparison' });
export type Comparison = z.infer<typeof Comparison>;

/** A share of films with its 95 % interval. `what` names the films. */
export const Rate = z
  .object({
    what: z.string().meta({ description: 'The films, in words.' }),
    value: Unit.meta({ description: 'The share of these films.' }),
    ci95: Interval,
    films: z.int().positive().meta({ description: 'The number of films.' }),
  })
  .refine(({ value, ci95 }) => inside(value, ci95), outside)
  .meta({ id: 'Rate' });

/**
 * The input gate. Every graph also emits `gate`: one logit per class (softmax gives the scores), then the distance of the
 * film's features from the training films.
 */
export const Quality = z
  .object({
    classes: z
      .array(z.string().max(100))
      .min(2)
      .max(maxClasses)
      .meta({ description: 'The classes of images that the gate tells apart.' }),
    accept: z.string().meta({ description: 'The class of films that the gate accepts.' }),
    limits: z
      .record(
        z.string(),
        z.object({
          minScore: Unit.meta({ description: 'A film with a lower score for the accepted class is refused.' }),
          maxDistance: z
            .number()
            .positive()
            .meta({ description: 'A film whose features are farther from the training films is refused.' }),
        }),
      )
      .meta({ description: 'The limits of the gate, by variant.' }),
    /** Share of frontal chest films that the gate refuses wrongly. */
    falseRefusals: z.array(Rate),
    /** Share of films from other sources that the gate accepts. */
    passUnderShift: z.array(Rate),
    /** Share of images that the gate refuses and should refuse. */
    catches: z.array(Rate),
    notMeasured: z.array(z.string()).meta({ description: 'Kinds of images for which the gate was not measured.' }),
  })
  .meta({ id: 'Quality' });
export type Quality = z.infer<typeof Quality>;

export const Provenance = z
  .object({
    dataset: z.string().meta({ description: 'The name of the data set.' }),
    films: z.int().positive().meta({ description: 'The number of films.' }),
    patients: z.int().positive().meta({ description: 'The number of patients.' }),
    splitDigest: Sha256.meta({ description: 'SHA-256 of the split into folds, in hexadecimal.' }),
    codeRevision: z.string().meta({ description: 'The revision of the training code.' }),
    date: z.iso.date().meta({ description: 'The date of the training run.' }),
    licence: z.string().meta({ description: 'The licence of the data.' }),
    citation: z.string().meta({ description: 'The publication to cite.' }),
    acknowledgement: z.string().meta({ description: 'The acknowledgement that the provider of the data asks for.' }),
    link: z.url().meta({ description: 'The address of the data.' }),
  })
  .meta({ id: 'Provenance', description: 'The data and the run from which the family comes.' });

/** The resolution floor of a finding from a simulated study, where real labels cannot tell resolutions apart. */
export const SimulatedFloor = z
  .object({
    minResolution: z.int().positive().meta({ description: 'The least side of the input in pixels.' }),
    source: z.string().min(1).meta({ description: 'The simulated study.' }),
  })
  .meta({ id: 'SimulatedFloor', description: 'The resolution floor of a finding from a simulated study.' });

/** A finding of the training labels that the family does not serve, because its AUROC is not above chance. */
export const NotServed = z
  .object({
    finding: z.string().min(1),
    /** One sentence for a caller who asks for the finding. */
    reason: z.string().min(1).max(1000),
    /** By variant: AUROC on the measured films. */
    auroc: z.record(z.string(), Auroc),
  })
  .meta({ id: 'NotServed' });
export type NotServed = z.infer<typeof NotServed>;

/** AUROC by side in pixels, and the paired differences from the reference side. */
const curveParts = <I extends z.ZodType>(interval: I) => {
  const measured = (what: string) =>
    z
      .record(
        z.string().regex(/^\d+$/, 'expected a side in pixels'),
        z.object({ value: z.number().meta({ description: 'The point estimate.' }), ci95: interval }),
      )
      .meta({ description: what });
  return {
    bySide: measured('AUROC by side in pixels.'),
    againstReference: measured('AUROC minus that of the reference side, by side in pixels, on the same films.'),
  };
};

/** The schema of a curve, because files and answers show intervals in different ways. */
export const resolutionCurveOf = <I extends z.ZodType>(interval: I) => {
  const parts = curveParts(interval);
  const curve = z.object({
    ...parts,
    withinStrata: z
      .object(parts)
      .optional()
      .meta({ description: 'The same over the pairs of films of one view and one source collection.' }),
  });
  return z.object({
    what: z.string().min(1).max(1000).meta({ description: 'The networks and the protocol, in words.' }),
    films: z.int().positive().meta({ description: 'The number of films that were scored.' }),
    patients: z.int().positive().meta({ description: 'The number of their patients.' }),
    sidesPx: z.array(z.int().positive()).min(2).max(100).meta({ description: 'The sides in pixels, rising.' }),
    referencePx: z.int().positive().meta({ description: 'The side with which the others are compared.' }),
    mean: curve.meta({ description: 'The mean over the findings.' }),
    findings: z.record(z.string(), curve).meta({ description: 'By finding.' }),
  });
};

/** AUROC against resolution, by networks that were trained on the films of the family at more sizes than are served. */
export const ResolutionCurve = resolutionCurveOf(Interval).meta({
  id: 'ResolutionCurve',
  description:
    'AUROC against resolution, by networks that were trained on the films of the family at more sizes than are served. They need not be the networks that are served.',
});
export type ResolutionCurve = z.infer<typeof ResolutionCurve>;

/** What a schema cannot say: sides that are not among the sides, and intervals that do not contain their values. */
function curveFaults({ sidesPx, referencePx, mean, findings }: ResolutionCurve): string[] {
  const parts = [mean, ...Object.values(findings)].flatMap((pooled) => [pooled, pooled.withinStrata ?? []].flat());
  const measured = parts.flatMap(({ bySide, againstReference }) => [bySide, againstReference].flatMap(Object.entries));
  const sides = new Set([referencePx, ...measured.map(([side]) => Number(side))]);
  return [
    ...[...sides.difference(new Set(sidesPx))].map((side) => `${side} px is not among the sides`),
    ...measured
      .filter(([, { value, ci95 }]) => !inside(value, ci95))
      .map(([side]) => `at ${side} px, ${outside.error}`),
  ];
}

const Shape = z.object({
  $schema: z.string().optional().meta({ description: 'The JSON Schema of the file.' }),
  family: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]*$/)
    .meta({ description: 'The name of the family.', example: 'chest14' }),
  findings: z
    .array(z.string().min(1).max(100))
    .min(1)
    .max(maxFindings, `at most ${maxFindings} findings are served`)
    .meta({ description: 'The findings that the family serves.' }),
  provenance: Provenance,
  variants: z.array(Variant).min(1).max(maxVariants, `the router searches exactly, up to ${maxVariants} variants`),
  comparisons: z.array(Comparison),
  simulated: z
    .record(z.string(), SimulatedFloor)
    .optional()
    .meta({ description: 'Simulated floors by finding. A rule of a policy may name them as its evidence.' }),
  quality: Quality,
  resolutionCurve: ResolutionCurve.optional(),
  /** Absent where every finding of the labels is served. */
  notServed: z.array(NotServed).optional(),
});

/** A model family: its variants with their costs and measurements. `training` writes the catalog, `functions` reads it. */
export const Catalog = Shape.superRefine((catalog, context) => {
  const complain = (message: string, ...path: (string | number)[]) =>
    context.addIssue({ code: 'custom', message, path });
  const findings = new Set(catalog.findings);
  const ids = new Set<string>();
  if (findings.size !== catalog.findings.length) complain('a finding is listed twice', 'findings');
  catalog.variants.forEach((variant, i) => {
    if (ids.has(variant.id)) complain(`variant ${variant.id} is listed twice`, 'variants', i, 'id');
    ids.add(variant.id);
    for (const finding of Object.keys(variant.heads))
      if (!findings.has(finding))
        complain(`a head for ${finding}, which is not among the findings`, 'variants', i, 'heads', finding);
    if (!catalog.quality.limits[variant.id])
      complain(`the input gate has no limits for variant ${variant.id}`, 'quality', 'limits');
  });
  const devices = catalog.variants.map(({ cost }) => new Set(Object.keys(cost.ms)));
  if (!devices.reduce((common, each) => common.intersection(each)).size)
    complain('no device has a measured cost for every variant: measure them with alara-train', 'variants');
  const decoded = new Set(catalog.variants.flatMap(({ cost }) => Object.keys(cost.decodeMs ?? {})));
  catalog.variants.forEach(({ cost }, i) => {
    for (const device of decoded)
      for (const part of ['decodeMs', 'ms'] as const)
        if (cost[part]?.[device] === undefined)
          complain(
            `another variant has decodeMs of ${device}, and this one has no ${part}: measure all variants with alara catalog measure`,
            ...['variants', i, 'cost', part],
          );
  });
  catalog.comparisons.forEach(({ finding, variant, reference }, i) => {
    if (!findings.has(finding)) complain(`unknown finding ${finding}`, 'comparisons', i, 'finding');
    if (!ids.has(variant)) complain(`unknown variant ${variant}`, 'comparisons', i, 'variant');
    if (!ids.has(reference)) complain(`unknown variant ${reference}`, 'comparisons', i, 'reference');
  });
  for (const fault of catalog.resolutionCurve ? curveFaults(catalog.resolutionCurve) : [])
    complain(fault, 'resolutionCurve');
  for (const finding of Object.keys(catalog.simulated ?? {}))
    if (!findings.has(finding)) complain(`unknown finding ${finding}`, 'simulated', finding);
  const notServed = (catalog.notServed ?? []).map(({ finding }) => finding);
  if (new Set(notServed).size !== notServed.length) complain('a finding is listed twice', 'notServed');
  for (const finding of notServed)
    if (findings.has(finding)) complain(`${finding} is among the findings that are served`, 'notServed');
  if (!catalog.quality.classes.includes(catalog.quality.accept))
    complain(`${catalog.quality.accept} is not a class of the gate`, 'quality', 'accept');
}).meta({ id: 'Catalog' });
export type Catalog = z.infer<typeof Catalog>;

/**
 * The kind of evidence for a resolution floor. `notShown`: the smallest size whose difference from the best is not shown on the
 * family's own films, which does not prove that the sizes are equal.
 */
export const FloorEvidence = z.enum(['published', 'simulated', 'notShown']);
export type FloorEvidence = z.infer<typeof FloorEvidence>;

/** When a variant is good enough for a finding. There are three kinds of rule. */
export const Rule = z
  .union([
    z.strictObject({
      auroc: Unit.meta({ description: 'The AUROC that a variant must reach.' }),
      bound: z
        .enum(['lower', 'point'])
        .default('lower')
        .meta({ description: 'lower: by the lower end of its interval. point: by its point estimate.' }),
    }),
    z.strictObject({
      nonInferiorTo: z.literal('best').meta({
        description: 'The variant with the highest AUROC, within strata of view and collection where it was measured.',
      }),
      margin: z.number().min(0).max(1).meta({ description: 'The margin, in AUROC.' }),
    }),
    z.strictObject({
      minResolution: z.int().positive().meta({ description: 'The least side of the input in pixels.' }),
      evidence: FloorEvidence.meta({ description: 'The kind of evidence for the floor.' }),
      source: z.string().min(1).meta({ description: 'The publication, the simulated study or the measured films.' }),
    }),
  ])
  .meta({ id: 'Rule', description: 'When a variant is good enough for a finding.' });
export type Rule = z.infer<typeof Rule>;

/** One rule per finding, and `otherwise` for findings without a rule. */
export const Policy = z
  .object({
    $schema: z.string().optional().meta({ description: 'The JSON Schema of the file.' }),
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/)
      .meta({ description: 'The name of the policy.' }),
    description: z.string().meta({ description: 'The policy, in words.' }),
    citation: z.string().optional().meta({ description: 'The publication behind the policy.' }),
    rules: z.record(z.string(), Rule).meta({ description: 'Rules by finding.' }),
    otherwise: Rule.optional().meta({ description: 'The rule of findings that have none of their own.' }),
    operatingPoint: OperatingPointName.optional().meta({
      description: 'The operating point of requests that name none. Every head of the family must have it.',
    }),
  })
  .meta({ id: 'Policy', description: 'What is good enough, per finding.' });
export type Policy = z.infer<typeof Policy>;
