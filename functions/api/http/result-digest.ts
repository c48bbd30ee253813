import { canonical } from '../../core/digest.ts';
import type { Reading } from '../../core/reading.ts';
import type { Router } from '../../inference/router.ts';
import { requestDigestOf } from '../../results/request-digest.ts';
import { presentAssignment } from '../../routing/present.ts';
import { route } from '../../routing/route.ts';

/**
 * What names the results of a reading. One that a policy alone decided is named as what a PACS is sent by itself, so
 * that both are one object; what a caller has asked for otherwise must not be mistaken for it.
 */
export function resultDigest(reading: Reading, { family, costs }: Pick<Router, 'family' | 'costs'>): string {
  const { policy } = reading.plan;
  const findings = reading.findings.map(({ finding }) => finding);
  const rules = family.policies[policy];
  const usual = rules && route(family.catalog, rules, costs, { findings, minAuroc: {}, bestEffort: false });
  if (!usual?.ok || reading.catalog !== `sha256:${family.digest}`) return reading.id;
  const expected = usual.value.assignments.map((assignment) => {
    const { finding, variant, why } = presentAssignment(assignment);
    return [finding, variant, why, assignment.variant.heads[finding]?.prevalence];
  });
  const found = reading.findings.map(({ finding, variant, why, prevalence }) => [finding, variant, why, prevalence]);
  return canonical(expected) === canonical(found) ? requestDigestOf(reading) : reading.id;
}
