import type { Catalog, Comparison, FloorEvidence, Policy, Rule, Variant } from '../core/catalog.ts';

/** Why a variant does not satisfy a rule for a finding. */
export type Miss =
  | { readonly kind: 'not_measured' }
  | {
      readonly kind: 'auroc_below';
      readonly bound: 'lower' | 'point';
      readonly attained: number;
      readonly required: number;
    }
  | { readonly kind: 'inferior'; readonly lower: number; readonly margin: number; readonly best: string }
  | { readonly kind: 'not_compared'; readonly best: string }
  | { readonly kind: 'below_floor'; readonly floor: number; readonly evidence: FloorEvidence };

/** The rule of a finding. Loading checks that a policy has a rule for every finding of its family. */
export const ruleFor = (policy: Policy, finding: string): Rule | undefined => policy.rules[finding] ?? policy.otherwise;

const auroc = (variant: Variant, finding: string) => variant.heads[finding]?.auroc;

/** The AUROC by which variants are compared: within strata where it was measured, otherwise over all films. */
const comparable = (variant: Variant, finding: string) => {
  const head = variant.heads[finding];
  return head?.withinStrata?.value ?? head?.auroc.value;
};

/** The variant with the highest measured AUROC for a finding; of equals the first in the catalog. */
export const bestFor = (catalog: Catalog, finding: string): Variant | undefined =>
  catalog.variants.reduce<Variant | undefined>((best, variant) => {
    const value = comparable(variant, finding);
    if (value === undefined) return best;
    return best === undefined || value > (comparable(best, finding) ?? -1) ? variant : best;
  }, undefined);

/** The paired difference `variant` minus `reference`, within strata where it was measured; negated if the catalog stores it in the other direction. */
function difference(catalog: Catalog, finding: string, variant: string, reference: string) {
  const between = (c: Comparison, a: string, b: string) =>
    c.finding === finding && c.variant === a && c.reference === b;
  const direct = catalog.comparisons.find((c) => between(c, variant, reference));
  if (direct) return { lower: (direct.withinStrata ?? direct).ci95[0] };
  const reversed = catalog.comparisons.find((c) => between(c, reference, variant));
  return reversed && { lower: -(reversed.withinStrata ?? reversed).ci95[1] };
}

/** Why `variant` does not satisfy `rule` for `finding`; null if it does. */
export function judge(rule: Rule, finding: string, variant: Variant, catalog: Catalog): Miss | null {
  const measured = auroc(variant, finding);
  if (!measured) return { kind: 'not_measured' };
  if ('auroc' in rule) {
    const attained = rule.bound === 'lower' ? measured.ci95[0] : measured.value;
    return attained >= rule.auroc ? null : { kind: 'auroc_below', bound: rule.bound, attained, required: rule.auroc };
  }
  if ('nonInferiorTo' in rule) {
    const best = bestFor(catalog, finding);
    if (!best || best.id === variant.id) return null;
    const paired = difference(catalog, finding, variant.id, best.id);
    if (!paired) return { kind: 'not_compared', best: best.id };
    return paired.lower > -rule.margin
      ? null
      : { kind: 'inferior', lower: paired.lower, margin: rule.margin, best: best.id };
  }
  return variant.resolution >= rule.minResolution
    ? null
    : { kind: 'below_floor', floor: rule.minResolution, evidence: rule.evidence };
}

/** How near a variant is to a rule that it misses. Higher is nearer; a variant with -Infinity cannot serve the finding. */
export function attainment(rule: Rule, finding: string, variant: Variant): number {
  const measured = auroc(variant, finding);
  if (!measured) return Number.NEGATIVE_INFINITY;
  if ('minResolution' in rule) return variant.resolution;
  return 'auroc' in rule && rule.bound === 'lower' ? measured.ci95[0] : measured.value;
}

/** An AUROC as text, with three decimals. */
export const formatAuroc = (value: number) => value.toFixed(3);

/** A rule as text, worded as a requirement. */
export function required(rule: Rule): string {
  if ('auroc' in rule)
    return `AUROC ${formatAuroc(rule.auroc)} by ${rule.bound === 'lower' ? 'the lower end of its interval' : 'point estimate'}`;
  if ('nonInferiorTo' in rule) return `within ${rule.margin} AUROC of the best variant`;
  return `at least ${rule.minResolution} px`;
}

/** What a variant attains of a rule, as text. */
export function attained(rule: Rule, finding: string, variant: Variant): string {
  const measured = auroc(variant, finding);
  if ('minResolution' in rule || !measured) return `${variant.resolution} px`;
  const [low, high] = measured.ci95;
  return `AUROC ${formatAuroc(measured.value)} [${formatAuroc(low)}, ${formatAuroc(high)}]`;
}
