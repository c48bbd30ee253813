import { z } from 'zod';
import type { Catalog, Policy } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { ReadRequest } from './request.ts';

/** The parameters of a plan as text: query parameters of the API, options of the command line. */
export const RouteParameters = z.strictObject({
  findings: z.string().optional().meta({
    description: 'Comma-separated findings; all that the family reads by default.',
    example: 'Nodule,Emphysema',
  }),
  minAuroc: z.string().optional().meta({
    description:
      "AUROC that a variant must reach by its interval's lower end, instead of the policy's rule: one number for all findings, or finding:number pairs.",
    example: 'Nodule:0.6',
  }),
  policy: z
    .string()
    .optional()
    .meta({ description: 'A policy by name; see GET /v1/catalog.', example: 'sabottke-spieler-2020' }),
  variant: z.string().optional().meta({
    description:
      'Pin one variant for every finding. The reading states per finding whether the variant satisfies the rule.',
  }),
  bestEffort: z.enum(['true', 'false']).optional().meta({
    description:
      'Serve a finding that no variant satisfies with the nearest variant, flagged, instead of refusing the request.',
  }),
});
export type RouteParameters = z.infer<typeof RouteParameters>;

export const ReadParameters = z.strictObject({
  ...RouteParameters.shape,
  explain: z.enum(['heatmap']).optional().meta({ description: 'Add a heat map to each finding.' }),
  prevalence: z.string().optional().meta({
    description:
      'Re-calibrate to a local prevalence: one number for all findings, or finding:number pairs. Thresholds move along, so calls do not change.',
    example: 'Nodule:0.05',
  }),
});
export type ReadParameters = z.infer<typeof ReadParameters>;

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

  const findings = findingsOf(data.findings, catalog);
  if (!findings.ok) return findings;
  const minAuroc = numbers('minAuroc', data.minAuroc, findings.value, catalog, (n) => n >= 0 && n <= 1);
  if (!minAuroc.ok) return minAuroc;
  const prevalence = numbers('prevalence', data.prevalence, findings.value, catalog, (n) => n > 0 && n < 1);
  if (!prevalence.ok) return prevalence;

  const policy = data.policy ?? defaultPolicy;
  if (!Object.hasOwn(policies, policy)) return fail({ code: 'unknown_policy', policy, known: Object.keys(policies) });
  const variants = catalog.variants.map(({ id }) => id);
  if (data.variant !== undefined && !variants.includes(data.variant))
    return fail({ code: 'unknown_variant', variant: data.variant, known: variants });

  return ok({
    findings: findings.value,
    minAuroc: minAuroc.value,
    prevalence: prevalence.value,
    policy,
    variant: data.variant,
    bestEffort: data.bestEffort === 'true',
    explain: data.explain === 'heatmap',
  });
}

/** The first issue of a schema as a fault that names the parameter. */
export function faultOf(error: z.ZodError, known: readonly string[]): Fault {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') return { code: 'unknown_parameter', parameters: issue.keys, known };
  return {
    code: 'invalid_parameter',
    parameter: String(issue?.path[0] ?? ''),
    problem: issue?.message ?? 'not accepted',
  };
}

/** Why a request cannot ask for a finding that the catalog does not list. */
function absent(finding: string, { findings: known, notServed = [] }: Catalog): Fault {
  const reason = notServed.find((entry) => entry.finding === finding)?.reason;
  return reason === undefined
    ? { code: 'unknown_finding', finding, known }
    : { code: 'finding_not_served', finding, reason, known };
}

function findingsOf(text: string | undefined, catalog: Catalog): Result<readonly string[], Fault> {
  const known = catalog.findings;
  if (text === undefined) return ok(known);
  const named = text.split(',').map((name) => name.trim());
  const unknown = named.find((name) => !known.includes(name));
  if (unknown === '') return fail({ code: 'invalid_parameter', parameter: 'findings', problem: 'a finding is empty' });
  if (unknown !== undefined) return fail(absent(unknown, catalog));
  return ok(known.filter((finding) => named.includes(finding)));
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
    const [, finding, digits] = /^\s*(?:([^:]+?)\s*:)?\s*([^:]+?)\s*$/.exec(part) ?? [];
    const value = /^\d*\.?\d+$/.test(digits ?? '') ? Number(digits) : Number.NaN;
    if (!within(value))
      return wrong(`${part.trim() || 'an empty value'} is not a number between 0 and 1, nor finding:number`);
    if (finding === undefined) {
      if (text.includes(',')) return wrong('send one number for all findings, or finding:number pairs');
      return ok(Object.fromEntries(asked.map((name) => [name, value])));
    }
    if (!catalog.findings.includes(finding)) return fail(absent(finding, catalog));
    if (!asked.includes(finding)) return wrong(`${finding} is not among the findings asked for`);
    if (pairs.some(([name]) => name === finding)) return wrong(`${finding} is given twice`);
    pairs.push([finding, value]);
  }
  return ok(Object.fromEntries(pairs.sort(([a], [b]) => asked.indexOf(a) - asked.indexOf(b))));
}
