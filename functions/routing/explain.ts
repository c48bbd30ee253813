import type { FloorEvidence, Rule, Variant } from '../core/catalog.ts';
import type { Assignment, PassedOver, Plan } from './cheapest-plan.ts';
import { attained, formatAuroc, type Miss, required } from './rule.ts';

/** The evidence for a decision. `measured`: on this family's own labels. */
export type Basis = 'measured' | FloorEvidence;

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
      return miss.evidence === 'notShown'
        ? `below ${miss.floor} px, and shown to be worse than the best`
        : `below the ${miss.evidence} floor of ${miss.floor} px`;
  }
}

/** One phrase: why a cheaper variant was not used. */
export function explainPassedOver({ because }: PassedOver): string {
  switch (because.kind) {
    case 'dearer_together':
      return `good enough, but ${because.instead} runs anyway for another finding and running both would cost more`;
    case 'dearer_after_decoding':
      return `good enough and no dearer alone, but the film is decoded for ${because.decodedFor} anyway, and then ${because.instead} costs less`;
    case 'pinned':
      return 'the request pinned another variant';
    default:
      return missed(because);
  }
}

/** The floor of a finding whose sizes the family's own films do not tell apart, as a noun phrase with its caveat. */
const notShown = ({ minResolution, source }: Extract<Rule, { minResolution: number }>, finding: string) =>
  `${minResolution} px, the smallest size for ${finding} whose difference from the best is not shown (${source}); not shown is not equal`;

function satisfied(rule: Rule, finding: string, variant: Variant): string {
  if ('auroc' in rule)
    return `the cheapest plan that meets ${required(rule)}; it reaches ${attained(rule, finding, variant)}.`;
  if ('nonInferiorTo' in rule) return `the cheapest plan that stays ${required(rule)}, paired on the same films.`;
  if (rule.evidence === 'notShown') return `the cheapest plan at or above ${notShown(rule, finding)}.`;
  const source = `${rule.evidence} floor of ${rule.minResolution} px for ${finding} (${rule.source})`;
  return rule.evidence === 'published'
    ? `the cheapest plan at or above the ${source}; the floor does not rest on films of this family.`
    : `the cheapest plan at or above the ${source}; not measured on real labels here.`;
}

/** One sentence: why this finding is read by this variant. UIDs of results are derived from it, so its wording never changes. */
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

/** The rule of a finding, as a clause. */
function ruleOf(rule: Rule, finding: string, variant: Variant): string {
  if ('auroc' in rule)
    return `the rule for ${finding} is ${required(rule)}; ${variant.id} has ${attained(rule, finding, variant)}`;
  if ('nonInferiorTo' in rule) return `the rule for ${finding} is to stay ${required(rule)}, paired on the same films`;
  if (rule.evidence === 'notShown') return `the rule for ${finding} is ${notShown(rule, finding)}`;
  const caveat =
    rule.evidence === 'published'
      ? 'the floor does not rest on films of this family'
      : 'not measured on real labels here';
  return `the ${rule.evidence} floor for ${finding} is ${rule.minResolution} px (${rule.source}); ${caveat}`;
}

/** The longest list of findings in an explanation. */
const maxNamed = 3;

/** The findings as the subject of a clause, with its verb. */
function listed(assignments: readonly Assignment[]): string {
  const names = assignments.map(({ finding }) => finding);
  if (names.length > maxNamed) return `${names.slice(0, maxNamed).join(', ')} and ${names.length - maxNamed} more need`;
  const last = names.pop() ?? '';
  return names.length > 0 ? `${names.join(', ')} and ${last} need` : `${last} needs`;
}

/** In full: which rule applies to a finding, and why this variant reads it although a cheaper one may suffice. */
export function explainInFull({ finding, variant, reason, passedOver }: Assignment, { assignments }: Plan): string {
  const rule = `${variant.resolution} px: ${ruleOf(reason.rule, finding, variant)}.`;
  if (reason.kind === 'pinned')
    return `${rule} The request pinned ${variant.id}, which ${reason.miss ? `misses the rule: ${missed(reason.miss)}` : 'satisfies the rule'}.`;
  if (reason.kind === 'best_effort')
    return `${rule} No variant satisfies the rule. On bestEffort the nearest one is used; it misses the rule: ${missed(reason.miss)}.`;
  const isShared = ({ because }: PassedOver) =>
    because.kind === 'dearer_together' || because.kind === 'dearer_after_decoding';
  const shared = passedOver.find(isShared);
  if (!shared) return `${rule} ${variant.id} is the cheapest variant that satisfies the rule.`;
  const { variant: sufficient, because } = shared;
  if (because.kind === 'dearer_after_decoding')
    return `${rule} ${sufficient.id} would suffice and costs no more alone, but the film is decoded for ${because.decodedFor} anyway, and then ${variant.id} costs less.`;
  const together = assignments.filter((other) => other.variant === variant);
  // Findings that no cheaper variant can read. If there are none, several findings together made this variant the cheapest choice.
  const bound = together.filter((other) => !other.passedOver.some(isShared));
  const beyond = together.filter((other) =>
    other.passedOver.some((passed) => passed.variant === sufficient && !isShared(passed)),
  );
  const needs = bound.length > 0 ? `${listed(bound)} ${variant.id}` : `${listed(beyond)} more than ${sufficient.id}`;
  return `${rule} ${sufficient.id} would suffice, but ${needs}, and ${variant.id} alone costs less than both.`;
}
