import type { Rule, Variant } from '../core/catalog.ts';
import type { Assignment, PassedOver } from './cheapest-plan.ts';
import { attained, formatAuroc, type Miss, required } from './rule.ts';

/** The evidence for a decision. `measured`: on this family's own labels. */
export type Basis = 'measured' | 'published' | 'simulated';

export const basisOf = (rule: Rule): Basis => ('minResolution' in rule ? rule.evidence : 'measured');

function missed(miss: Miss): string {
  switch (miss.kind) {
    case 'not_measured':
      return 'not measured for this finding';
    case 'auroc_below':
      return `its AUROC reaches ${formatAuroc(miss.attained)} (${miss.bound === 'lower' ? 'lower end' : 'point estimate'}), below ${formatAuroc(miss.required)}`;
    case 'inferior':
      return `may be ${formatAuroc(-miss.lower)} AUROC worse than ${miss.best} (paired, 95 %), more than ${miss.margin} allows`;
    case 'not_compared':
      return `was never compared with ${miss.best}, the best`;
    case 'below_floor':
      return `below the ${miss.evidence} floor of ${miss.floor} px`;
  }
}

/** One phrase: why a cheaper variant was not used. */
export function explainPassedOver({ because }: PassedOver): string {
  switch (because.kind) {
    case 'dearer_together':
      return `good enough, but ${because.instead} runs anyway for another finding and running both would cost more`;
    case 'pinned':
      return 'the request pinned another variant';
    default:
      return missed(because);
  }
}

function satisfied(rule: Rule, finding: string, variant: Variant): string {
  if ('auroc' in rule)
    return `the cheapest plan that meets ${required(rule)}; it reaches ${attained(rule, finding, variant)}.`;
  if ('nonInferiorTo' in rule) return `the cheapest plan that stays ${required(rule)}, paired on the same films.`;
  const source = `${rule.evidence} floor of ${rule.minResolution} px for ${finding} (${rule.source})`;
  return rule.evidence === 'published'
    ? `the cheapest plan at or above the ${source}; not measured on this family.`
    : `the cheapest plan at or above the ${source}; not measured on real labels here.`;
}

/** One sentence: why this finding is read by this variant. */
export function explain({ finding, variant, reason }: Assignment): string {
  const side = `${variant.resolution} px: `;
  switch (reason.kind) {
    case 'meets':
      return side + satisfied(reason.rule, finding, variant);
    case 'pinned':
      return `${side}because the request pinned ${variant.id}${reason.miss ? `, although ${missed(reason.miss)}` : ''}.`;
    case 'best_effort':
      return `${side}the best there is, on bestEffort; the target is missed: ${missed(reason.miss)}.`;
  }
}
