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
    /** Platt scaling: 1 / (1 + exp(-(slope * logit + intercept))). */
    z.object({ method: z.literal('platt'), slope: z.number().positive(), intercept: z.number() }),
    /** Beta calibration: with s the logistic of (logit - centre) / scale, the log odds are a ln s - b ln(1 - s) + c. */
    z.object({
      method: z.literal('beta'),
      a: z.number().min(0),
      b: z.number().min(0),
      c: z.number(),
      centre: z.number(),
      scale: z.number().positive(),
    }),
    /** Isotonic: a rising line through the points (x, y), flat beyond its ends. */
    z
      .object({ method: z.literal('isotonic'), x: points(z.number()), y: points(Unit) })
      .refine(({ x, y }) => x.length === y.length && rises(x) && rises(y), 'x and y must rise and be equally long'),
  ])
  .meta({ id: 'Calibration' });
export type Calibration = z.infer<typeof Calibration>;

/** The operating point, on calibrated probability; between `low` and `high` a call is indeterminate. */
export const Threshold = z
  .object({
    value: Unit,
    low: Unit,
    high: Unit,
    sensitivity: Unit,
    specificity: Unit,
    method: z.string().min(1),
  })
  .refine(({ value, low, high }) => low <= value && value <= high, {
    error: 'the threshold lies outside its indeterminate band',
    path: ['value'],
  })
  .meta({ id: 'Threshold' });
export type Threshold = z.infer<typeof Threshold>;

/** The measurements of one variant for one finding. */
export const Head = z
  .object({
    auroc: Auroc,
    calibration: Calibration,
    threshold: Threshold,
    /** Expected calibration error of the calibrated probability. */
    ece: Unit.optional(),
    /** Share of training films with the finding. The probability assumes this prevalence. */
    prevalence: z.number().gt(0).lt(1),
  })
  .meta({ id: 'Head' });
export type Head = z.infer<typeof Head>;

/** How a film becomes the input tensor, in training and in serving. */
export const Input = z
  .object({
    channels: z.literal(1),
    /** On pixels scaled to [0, 1]. */
    mean: z.number(),
    std: z.number().positive(),
    kernel: z.literal('lanczos3'),
    /** `contain`: the whole film, centred on black, aspect ratio kept. */
    fit: z.literal('contain'),
  })
  .meta({ id: 'Input' });
export type Input = z.infer<typeof Input>;

/** The cost of one film. */
export const Cost = z
  .object({
    gmacs: z.number().positive(),
    /** Median milliseconds per film, batch 1, one thread, by device. */
    ms: z.record(z.string(), z.number().positive()),
    /** Processor or accelerator, runtime and date of the measurement, by device. */
    measuredOn: z.record(z.string(), z.string()),
  })
  .meta({ id: 'Cost' });
export type Cost = z.infer<typeof Cost>;

export const Precision = z.enum(['fp32', 'fp16', 'int8']);
export type Precision = z.infer<typeof Precision>;

/** One model file: a resolution and a precision. */
export const Variant = z
  .object({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes'),
    resolution: z.int().positive().max(maxSide, `a side of at most ${maxSide} pixels is served`),
    precision: Precision,
    file: z.string().regex(/^[\w.-]+\.onnx$/, 'expected the name of an .onnx file beside the catalog'),
    sha256: Sha256,
    bytes: z.int().positive().max(maxModelBytes, `a model of at most ${maxModelBytes} bytes is served`),
    input: Input,
    cost: Cost,
    heads: z.record(z.string(), Head),
  })
  .meta({ id: 'Variant' });
export type Variant = z.infer<typeof Variant>;

/** A paired AUROC difference (variant minus reference) on the same films. */
export const Comparison = z
  .object({
    finding: z.string(),
    variant: z.string(),
    reference: z.string(),
    difference: z.number(),
    ci95: Interval,
    protocol: Protocol,
  })
  .refine(({ difference, ci95 }) => inside(difference, ci95), outside)
  .meta({ id: 'Comparison' });
export type Comparison = z.infer<typeof Comparison>;

/** A share of films with its 95 % interval. `what` names the films. */
export const Rate = z
  .object({ what: z.string(), value: Unit, ci95: Interval, films: z.int().positive() })
  .refine(({ value, ci95 }) => inside(value, ci95), outside)
  .meta({ id: 'Rate' });

/**
 * The input gate. Every graph also emits `gate`: one logit per class (softmax gives the scores), then the distance of the
 * film's features from the training films.
 */
export const Quality = z
  .object({
    classes: z.array(z.string().max(100)).min(2).max(maxClasses),
    /** The class of films that the gate accepts. */
    accept: z.string(),
    /** By variant: a film below `minScore` for the accepted class, or beyond `maxDistance`, is refused. */
    limits: z.record(z.string(), z.object({ minScore: Unit, maxDistance: z.number().positive() })),
    /** Share of frontal chest films that the gate refuses wrongly. */
    falseRefusals: z.array(Rate),
    /** Share of films from other sources that the gate accepts. */
    passUnderShift: z.array(Rate),
    /** Share of images that the gate refuses and should refuse. */
    catches: z.array(Rate),
    notMeasured: z.array(z.string()),
  })
  .meta({ id: 'Quality' });
export type Quality = z.infer<typeof Quality>;

export const Provenance = z
  .object({
    dataset: z.string(),
    films: z.int().positive(),
    patients: z.int().positive(),
    splitDigest: Sha256,
    codeRevision: z.string(),
    date: z.iso.date(),
    licence: z.string(),
    citation: z.string(),
    acknowledgement: z.string(),
    link: z.url(),
  })
  .meta({ id: 'Provenance' });

/** The resolution floor of a finding from a simulated study, where real labels cannot tell resolutions apart. */
export const SimulatedFloor = z
  .object({ minResolution: z.int().positive(), source: z.string().min(1) })
  .meta({ id: 'SimulatedFloor' });

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

const Shape = z.object({
  $schema: z.string().optional(),
  family: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  findings: z.array(z.string().min(1).max(100)).min(1).max(maxFindings, `at most ${maxFindings} findings are served`),
  provenance: Provenance,
  variants: z.array(Variant).min(1).max(maxVariants, `the router searches exactly, up to ${maxVariants} variants`),
  comparisons: z.array(Comparison),
  /** By finding; a policy rule may name it as its evidence. */
  simulated: z.record(z.string(), SimulatedFloor).optional(),
  quality: Quality,
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
  catalog.comparisons.forEach(({ finding, variant, reference }, i) => {
    if (!findings.has(finding)) complain(`unknown finding ${finding}`, 'comparisons', i, 'finding');
    if (!ids.has(variant)) complain(`unknown variant ${variant}`, 'comparisons', i, 'variant');
    if (!ids.has(reference)) complain(`unknown variant ${reference}`, 'comparisons', i, 'reference');
  });
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

/** When a variant is good enough for a finding. There are three kinds of rule. */
export const Rule = z
  .union([
    z.strictObject({ auroc: Unit, bound: z.enum(['lower', 'point']).default('lower') }),
    z.strictObject({ nonInferiorTo: z.literal('best'), margin: z.number().min(0).max(1) }),
    z.strictObject({
      minResolution: z.int().positive(),
      evidence: z.enum(['published', 'simulated']),
      source: z.string().min(1),
    }),
  ])
  .meta({ id: 'Rule' });
export type Rule = z.infer<typeof Rule>;

/** One rule per finding, and `otherwise` for findings without a rule. */
export const Policy = z
  .object({
    $schema: z.string().optional(),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
    description: z.string(),
    citation: z.string().optional(),
    rules: z.record(z.string(), Rule),
    otherwise: Rule.optional(),
  })
  .meta({ id: 'Policy' });
export type Policy = z.infer<typeof Policy>;
