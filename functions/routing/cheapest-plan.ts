import type { Catalog, OperatingPointName, Policy, Rule, Variant } from '../core/catalog.ts';
import type { Fault, Shortfall } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import type { Ms } from '../core/units.ts';
import type { CostTable } from './cost-table.ts';
import { measuredPoints } from './operating-point.ts';
import { attained, attainment, judge, type Miss, required, ruleFor } from './rule.ts';

/** The request to the router. Findings are in catalog order, without repeats. */
export type RouteRequest = {
  readonly findings: readonly string[];
  /** AUROC targets by finding, to be met by the lower end of the interval. Each replaces the policy's rule. */
  readonly minAuroc: Readonly<Record<string, number>>;
  readonly variant?: string | undefined;
  readonly bestEffort: boolean;
  /** The operating point of every finding. Undefined: the default of each finding. */
  readonly operatingPoint?: OperatingPointName | undefined;
};

/** Why a variant was chosen for a finding. */
export type Reason =
  | { readonly kind: 'meets'; readonly rule: Rule }
  | { readonly kind: 'pinned'; readonly rule: Rule; readonly miss: Miss | null }
  | { readonly kind: 'best_effort'; readonly rule: Rule; readonly miss: Miss };

/** Why a cheaper variant was not used. */
export type PassedOver = {
  readonly variant: Variant;
  readonly because:
    | Miss
    | { readonly kind: 'dearer_together'; readonly instead: string }
    /** No dearer alone, but dearer in a plan that decodes the film for `decodedFor` anyway. */
    | { readonly kind: 'dearer_after_decoding'; readonly instead: string; readonly decodedFor: string }
    | { readonly kind: 'pinned' };
};

export type Assignment = {
  readonly finding: string;
  readonly variant: Variant;
  readonly operatingPoint: OperatingPointName;
  readonly reason: Reason;
  readonly passedOver: readonly PassedOver[];
};

/** The cheapest set of variants that serves every finding. */
export type Plan = {
  readonly policy: string;
  readonly assignments: readonly Assignment[];
  /** Cheapest first. The cost of a run does not contain decoding, which all runs share. */
  readonly runs: readonly { readonly variant: Variant; readonly costMs: Ms; readonly findings: readonly string[] }[];
  /** The cost of all runs and of decoding. */
  readonly costMs: Ms;
  /** The part of `costMs` for decoding. 0 if the costs do not contain decoding. */
  readonly decodeMs: Ms;
  /** The cheapest variant of the highest resolution, and the cost of always using it. */
  readonly largest: { readonly variant: Variant; readonly costMs: Ms; readonly decodeMs: Ms };
};

type Candidate = {
  readonly finding: string;
  readonly rule: Rule;
  readonly misses: readonly (Miss | null)[];
  readonly allowed: readonly boolean[];
};

/**
 * Find the set of variants with the least total measured cost such that a variant of the set satisfies the rule of each finding.
 * The search is exact: it tries every subset, and a catalog has at most 16 variants.
 */
export function route(catalog: Catalog, policy: Policy, costs: CostTable, request: RouteRequest): Result<Plan, Fault> {
  const variants = byCost(catalog.variants, costs);
  const pinned = request.variant;
  if (pinned !== undefined && !variants.some(({ id }) => id === pinned))
    return fail({ code: 'unknown_variant', variant: pinned, known: catalog.variants.map(({ id }) => id) });

  const candidates: Candidate[] = [];
  const shortfalls: Shortfall[] = [];
  for (const finding of request.findings) {
    const rule = ruleOf(policy, request, finding);
    if (!rule) return fail({ code: 'unknown_finding', finding, known: catalog.findings });
    const misses = variants.map((variant) => judge(rule, finding, variant, catalog));
    const nearest = nearestTo(rule, finding, variants);
    const allowed = allow(variants, misses, nearest, request, finding);
    if (allowed.some(Boolean)) candidates.push({ finding, rule, misses, allowed });
    else
      shortfalls.push({
        finding,
        required: required(rule),
        best: nearest ? { variant: nearest.id, attains: attained(rule, finding, nearest) } : null,
      });
  }
  if (shortfalls.length > 0) return fail({ code: 'unreachable_target', shortfalls });

  const chosen = cheapestCover(
    variants,
    costs,
    candidates.map(({ allowed }) => allowed),
  );
  const assigned = assign(candidates, variants, chosen, costs, pinned);
  const assignments: Assignment[] = [];
  for (const assignment of assigned) {
    const { finding, variant } = assignment;
    const head = variant.heads[finding];
    const available = head ? measuredPoints(head) : [];
    const operatingPoint = request.operatingPoint ?? available[0];
    if (operatingPoint === undefined) throw new Error(`${variant.id} has no operating point for ${finding}`);
    if (!available.includes(operatingPoint))
      return fail({ code: 'operating_point_not_measured', operatingPoint, finding, variant: variant.id, available });
    assignments.push({ ...assignment, operatingPoint });
  }
  const used = variants.filter((_, i) => chosen[i]);
  const runs = used.map((variant) => ({
    variant,
    costMs: costs.of(variant),
    findings: assignments.filter((a) => a.variant === variant).map(({ finding }) => finding),
  }));
  const highest = Math.max(...variants.map(({ resolution }) => resolution));
  const largest = variants.find(({ resolution }) => resolution === highest);
  if (!largest) throw new Error('a catalog has at least one variant');
  return ok({
    policy: policy.name,
    assignments,
    runs,
    costMs: costs.plan(used),
    decodeMs: costs.decode(used),
    largest: { variant: largest, costMs: costs.plan([largest]), decodeMs: costs.decode([largest]) },
  });
}

/** Sorted by the cost of using each variant alone, decoding included. */
const byCost = (variants: readonly Variant[], costs: CostTable) =>
  [...variants].sort((a, b) => costs.plan([a]) - costs.plan([b]) || a.resolution - b.resolution);

function ruleOf(policy: Policy, { minAuroc }: RouteRequest, finding: string): Rule | undefined {
  const target = Object.hasOwn(minAuroc, finding) ? minAuroc[finding] : undefined;
  return target === undefined ? ruleFor(policy, finding) : { auroc: target, bound: 'lower' };
}

/** The variant that is nearest to a rule; of equals the cheapest. */
function nearestTo(rule: Rule, finding: string, variants: readonly Variant[]): Variant | undefined {
  const score = (variant: Variant) => attainment(rule, finding, variant);
  const best = Math.max(...variants.map(score));
  return Number.isFinite(best) ? variants.find((variant) => score(variant) === best) : undefined;
}

/** Which variants may serve a finding: the pinned variant, those that satisfy the rule, or on best effort the nearest one. */
function allow(
  variants: readonly Variant[],
  misses: readonly (Miss | null)[],
  nearest: Variant | undefined,
  { variant: pinned, bestEffort }: RouteRequest,
  finding: string,
): boolean[] {
  if (pinned !== undefined) return variants.map((v) => v.id === pinned && Object.hasOwn(v.heads, finding));
  const satisfied = misses.map((miss) => miss === null);
  return bestEffort && !satisfied.some(Boolean) ? variants.map((v) => v === nearest) : satisfied;
}

/** The subset with the least total cost that meets every row of `allowed`; of equals the first. */
function cheapestCover(
  variants: readonly Variant[],
  costs: CostTable,
  allowed: readonly (readonly boolean[])[],
): readonly boolean[] {
  const masks = allowed.map((row) => row.reduce((mask, yes, i) => (yes ? mask | (1 << i) : mask), 0));
  // The costs as numbers: up to 65,536 subsets are summed.
  const each = variants.map((variant) => ({ runMs: costs.of(variant), decodeMs: costs.decode([variant]) }));
  let best = { subset: 0, cost: Number.POSITIVE_INFINITY };
  for (let subset = 0; subset < 1 << variants.length; subset++) {
    if (masks.some((mask) => (mask & subset) === 0)) continue;
    let [runMs, decodeMs] = [0, 0];
    each.forEach((one, i) => {
      if ((subset & (1 << i)) === 0) return;
      runMs += one.runMs;
      decodeMs = Math.max(decodeMs, one.decodeMs);
    });
    if (runMs + decodeMs < best.cost) best = { subset, cost: runMs + decodeMs };
  }
  return variants.map((_, i) => (best.subset & (1 << i)) !== 0);
}

/** Assign each finding to the cheapest chosen variant that may serve it, with the reasons against each cheaper variant. */
function assign(
  candidates: readonly Candidate[],
  variants: readonly Variant[],
  chosen: readonly boolean[],
  costs: CostTable,
  pinned: string | undefined,
): Omit<Assignment, 'operatingPoint'>[] {
  const serving = candidates.map(({ allowed }) => variants.findIndex((_, i) => chosen[i] && allowed[i]));
  /** Why a variant that is good enough and no dearer alone is not used. */
  function dearer(cheaper: number, at: number): PassedOver['because'] {
    const instead = variants[at]?.id ?? '';
    const others = variants.filter((_, i) => chosen[i] && i !== at);
    const decodedFor = others.find((other) => costs.decode([other]) === costs.decode(others))?.id;
    // A variant that is no dearer alone replaces another one, unless the plan decodes the film for a third one anyway.
    const canReplace = candidates.every(({ allowed }, k) => serving[k] !== at || allowed[cheaper]);
    return costs.withDecoding && canReplace && decodedFor !== undefined
      ? { kind: 'dearer_after_decoding', instead, decodedFor }
      : { kind: 'dearer_together', instead };
  }

  return candidates.map(({ finding, rule, misses }, k) => {
    const at = serving[k] ?? -1;
    const variant = variants[at];
    if (!variant) throw new Error(`the plan leaves out ${finding}`);
    const miss = misses[at] ?? null;
    const reason: Reason =
      pinned !== undefined
        ? { kind: 'pinned', rule, miss }
        : miss
          ? { kind: 'best_effort', rule, miss }
          : { kind: 'meets', rule };
    const passedOver = variants.slice(0, at).map(
      (cheaper, i): PassedOver => ({
        variant: cheaper,
        because: pinned !== undefined ? { kind: 'pinned' } : (misses[i] ?? dearer(i, at)),
      }),
    );
    return { finding, variant, reason, passedOver };
  });
}
