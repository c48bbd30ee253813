import { z } from 'zod';
import { type Catalog, operatingPointNames, type Policy } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import { nearestName } from '../core/nearest.ts';
import type { Annotation } from '../core/reading.ts';
import { annotationDescription, Metadata, referenceText } from '../core/reading-view.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { commonDefault } from './operating-point.ts';
import type { ReadRequest } from './request.ts';

const isRepeated = ({ input }: { readonly input?: unknown }) =>
  Array.isArray(input) ? 'it is given more than once' : undefined;
const once = () => z.string({ error: isRepeated });
/** A parameter that takes several values: separated by commas, or repeated. */
const several = () =>
  z.union([z.string(), z.array(z.string()).min(1)], { error: 'expected a text, or a list of texts' });

/** The parameters of a plan: query parameters of the API. The options of the command line have the same names. */
export const RouteParameters = z.strictObject({
  findings: several().optional().meta({
    description:
      'Findings, separated by commas or as a repeated parameter, in upper or lower case; all that the family reads by default.',
    example: 'Nodule,Emphysema',
  }),
  minAuroc: several().optional().meta({
    description:
      "AUROC that a variant must reach by its interval's lower end, instead of the policy's rule: one number for all findings, or finding:number pairs.",
    example: 'Nodule:0.6',
  }),
  policy: once()
    .optional()
    .meta({ description: 'A policy by name; see GET /v1/catalog.', example: 'sabottke-spieler-2020' }),
  variant: once().optional().meta({
    description:
      'Pin one variant for every finding. The reading states per finding whether the variant satisfies the rule.',
  }),
  operatingPoint: z.enum(operatingPointNames, { error: isRepeated }).optional().meta({
    description:
      "Where calls change: sensitive (chosen for a sensitivity of 0.90), balanced (by Youden's index) or specific (for a specificity of 0.95). GET /v1/catalog has what each one attains. Default: that of the policy, otherwise specific where it was measured.",
    example: 'sensitive',
  }),
  bestEffort: z.enum(['true', 'false'], { error: isRepeated }).optional().meta({
    description:
      'If no variant meets the target of a finding, use the nearest variant, with meetsTarget false, instead of refusing the request.',
  }),
});
export type RouteParameters = z.infer<typeof RouteParameters>;

export const ReadParameters = z.strictObject({
  ...RouteParameters.shape,
  explain: z
    .enum(['heatmap'], { error: isRepeated })
    .optional()
    .meta({ description: 'Add a heat map to each finding.' }),
  prevalence: several().optional().meta({
    description:
      'Re-calibrate to a local prevalence: one number for all findings, or finding:number pairs. Thresholds move along, so calls do not change.',
    example: 'Nodule:0.05',
  }),
});
export type ReadParameters = z.infer<typeof ReadParameters>;

/** The parameters of POST /v1/readings that do not influence the reading or its id. */
export const PresentationParameters = z.strictObject({
  reference: referenceText('it is given more than once').optional().meta({
    description: annotationDescription.reference,
    example: 'exam-4711',
  }),
  metadata: once()
    .optional()
    .meta({
      description: `A JSON object, percent-encoded in an address (curl removes braces from an address unless it has -g). ${annotationDescription.metadata}`,
      example: '{"ward":"A3"}',
    }),
  view: z.enum(['full', 'summary'], { error: isRepeated }).optional().meta({
    description:
      'full: the reading with its evidence. summary: findings in the order for display, in about 2 kB for 14 findings. Default: full.',
  }),
});
export type PresentationParameters = z.infer<typeof PresentationParameters>;

/** The annotation of a film from the parameters `reference` and `metadata`. */
export function parseAnnotation({
  reference,
  metadata,
}: Pick<PresentationParameters, 'reference' | 'metadata'>): Result<Annotation, Fault> {
  const parsed = Metadata.optional().safeParse(metadata === undefined ? undefined : jsonOf(metadata));
  if (!parsed.success) {
    const problem = parsed.error.issues[0]?.message ?? 'not accepted';
    return fail({ code: 'invalid_parameter', parameter: 'metadata', problem });
  }
  return ok({ ...(reference !== undefined && { reference }), ...(parsed.data && { metadata: parsed.data }) });
}

/** The value of JSON text. Text that is not JSON stays text, which no schema of an object accepts. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A number for all findings, a number per finding, or the text of a query parameter. */
const numbersInJson = () =>
  z.union([z.number(), z.record(z.string(), z.number()), several()], {
    error: 'expected a number, an object with a number per finding, or a text',
  });

/** The parameters of a reading in a JSON body: as in a query, or as JSON numbers, booleans, lists and objects. */
export const JsonParameters = z.strictObject({
  ...ReadParameters.shape,
  findings: several()
    .optional()
    .meta({
      description: 'Findings, in upper or lower case; all that the family reads by default.',
      example: ['Nodule', 'Emphysema'],
    }),
  minAuroc: numbersInJson()
    .optional()
    .meta({
      description:
        "AUROC that a variant must reach by its interval's lower end, instead of the policy's rule: one number for all findings, or a number per finding.",
      example: { Nodule: 0.6 },
    }),
  prevalence: numbersInJson()
    .optional()
    .meta({
      description:
        'Re-calibrate to a local prevalence: one number for all findings, or a number per finding. Thresholds move along, so calls do not change.',
      example: { Nodule: 0.05 },
    }),
  bestEffort: z
    .union([z.boolean(), z.enum(['true', 'false'])], { error: 'expected true or false' })
    .optional()
    .meta({
      description:
        'If no variant meets the target of a finding, use the nearest variant, with meetsTarget false, instead of refusing the request.',
      example: true,
    }),
});
export type JsonParameters = z.infer<typeof JsonParameters>;

/** Parameters as {@link parseParameters} reads them, and as a job stores them: one text per parameter. */
export function textOf(parameters: RouteParameters | ReadParameters | JsonParameters): Record<string, string> {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, asText(value)]));
}

function asText(value: unknown): string {
  if (Array.isArray(value)) return value.map(asText).join(',');
  // String() writes small numbers with an exponent, which the text form of a parameter does not take.
  if (typeof value === 'number') return /e-/.test(String(value)) ? value.toFixed(20) : String(value);
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([finding, number]) => `${finding}:${asText(number)}`)
      .join(',');
  return String(value);
}

/** The names that parameters may use. */
export type Vocabulary = {
  readonly catalog: Catalog;
  readonly policies: Readonly<Record<string, Policy>>;
  readonly defaultPolicy: string;
};

/** Parse parameters into a normalised request: findings in catalog order, every default filled in. */
export function parseParameters(
  text: Readonly<Record<string, string>>,
  vocabulary: Vocabulary,
): Result<ReadRequest, Fault> {
  const parsed = ReadParameters.safeParse(text);
  if (!parsed.success) return fail(faultOf(parsed.error, Object.keys(ReadParameters.shape)));
  const { data } = parsed;
  const { catalog, policies, defaultPolicy } = vocabulary;

  const findings = findingsOf(text['findings'], catalog);
  if (!findings.ok) return findings;
  const minAuroc = numbers('minAuroc', text['minAuroc'], findings.value, catalog, (n) => n >= 0 && n <= 1);
  if (!minAuroc.ok) return minAuroc;
  const prevalence = numbers('prevalence', text['prevalence'], findings.value, catalog, (n) => n > 0 && n < 1);
  if (!prevalence.ok) return prevalence;

  const policy = data.policy ?? defaultPolicy;
  if (!Object.hasOwn(policies, policy))
    return fail({ code: 'unknown_policy', policy, ...suggestion(policy, Object.keys(policies)) });
  const variants = catalog.variants.map(({ id }) => id);
  if (data.variant !== undefined && !variants.includes(data.variant))
    return fail({ code: 'unknown_variant', variant: data.variant, ...suggestion(data.variant, variants) });

  return ok({
    findings: findings.value,
    minAuroc: minAuroc.value,
    prevalence: prevalence.value,
    policy,
    operatingPoint: data.operatingPoint ?? policies[policy]?.operatingPoint ?? commonDefault(catalog, findings.value),
    variant: data.variant,
    bestEffort: data.bestEffort === 'true',
    explain: data.explain === 'heatmap',
  });
}

/** The first issue of a schema as a fault that names the parameter. */
export function faultOf(error: z.ZodError, known: readonly string[]): Fault {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const nearest = issue.keys.flatMap((name) => {
      const similar = nearestName(name, known);
      return similar === undefined ? [] : [[name, similar]];
    });
    return {
      code: 'unknown_parameter',
      parameters: issue.keys,
      known,
      ...(nearest.length > 0 && { nearest: Object.fromEntries(nearest) }),
    };
  }
  return {
    code: 'invalid_parameter',
    parameter: String(issue?.path[0] ?? ''),
    problem: issue?.message ?? 'not accepted',
  };
}

/** The known names, and the one that is most similar to a name. */
function suggestion(name: string, known: readonly string[]) {
  const nearest = nearestName(name, known);
  return { known, ...(nearest !== undefined && { nearest }) };
}

/** The finding of a list that a request names, without regard to case. */
const named = (finding: string, known: readonly string[]): string | undefined =>
  known.find((name) => name === finding) ?? known.find((name) => name.toLowerCase() === finding.toLowerCase());

/** Why a request cannot ask for a finding that the catalog does not list. */
function absent(finding: string, { findings: known, notServed = [] }: Catalog): Fault {
  const omitted = notServed.find((entry) => named(finding, [entry.finding]));
  if (omitted) return { code: 'finding_not_served', finding: omitted.finding, reason: omitted.reason, known };
  const nearest = nearestName(finding, [...known, ...notServed.map((entry) => entry.finding)]);
  return { code: 'unknown_finding', finding, known, ...(nearest !== undefined && { nearest }) };
}

function findingsOf(text: string | undefined, catalog: Catalog): Result<readonly string[], Fault> {
  const known = catalog.findings;
  if (text === undefined) return ok(known);
  const asked = text.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => named(name, known) === undefined);
  if (unknown === '') return fail({ code: 'invalid_parameter', parameter: 'findings', problem: 'a finding is empty' });
  if (unknown !== undefined) return fail(absent(unknown, catalog));
  const found = asked.map((name) => named(name, known));
  return ok(known.filter((finding) => found.includes(finding)));
}

/** Parse `0.7` or `Nodule:0.6,Edema:0.8` into a number per finding. */
function numbers(
  parameter: string,
  text: string | undefined,
  asked: readonly string[],
  catalog: Catalog,
  within: (n: number) => boolean,
): Result<Record<string, number>, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'invalid_parameter', parameter, problem });
  if (text === undefined) return ok({});
  const pairs: [string, number][] = [];
  for (const part of text.split(',')) {
    const [, name, digits] = /^\s*(?:([^:]+?)\s*:)?\s*([^:]+?)\s*$/.exec(part) ?? [];
    const value = /^\d*\.?\d+$/.test(digits ?? '') ? Number(digits) : Number.NaN;
    if (!within(value))
      return wrong(`${part.trim() || 'an empty value'} is not a number between 0 and 1, nor finding:number`);
    if (name === undefined) {
      if (text.includes(',')) return wrong('send one number for all findings, or finding:number pairs');
      return ok(Object.fromEntries(asked.map((finding) => [finding, value])));
    }
    const finding = named(name, catalog.findings);
    if (finding === undefined) return fail(absent(name, catalog));
    if (!asked.includes(finding)) return wrong(`${finding} is not among the findings asked for`);
    if (pairs.some(([known]) => known === finding)) return wrong(`${finding} is given twice`);
    pairs.push([finding, value]);
  }
  return ok(Object.fromEntries(pairs.sort(([a], [b]) => asked.indexOf(a) - asked.indexOf(b))));
}
