import { canonical } from '../core/digest.ts';
import type { Reading, RoutedFinding } from '../core/reading.ts';
import type { Router } from '../inference/router.ts';
import { sha256Sync } from '../platform/digest.ts';
import { route } from '../routing/cheapest-plan.ts';
import { presentAssignment } from '../routing/present.ts';

/**
 * The variant that reads a finding, the reason for this variant, the prevalence that the probability presumes, and the operating point of
 * the call.
 */
export type ServedFinding = Pick<RoutedFinding, 'finding' | 'variant' | 'why' | 'operatingPoint'> & {
  readonly prevalence: number;
};

/** What distinguishes the result of a finding. Earlier versions had only the operating point `balanced`, so it is left out. */
function distinguishing({ variant, why, prevalence, operatingPoint }: ServedFinding) {
  const name = operatingPoint?.name ?? 'balanced';
  return [variant, why, prevalence, ...(name === 'balanced' ? [] : [name])];
}

/**
 * A digest of the policy, variants, reasons, prevalences and operating points of a request. Together with the catalog it distinguishes the
 * results of different requests for one film. The digest is known before a film is read, and it can be derived from a reading.
 * So a film that arrives by STOW-RS and from the PACS gets one result.
 */
export const requestDigest = (policy: string, served: readonly ServedFinding[]): string =>
  digestOfFindings(policy, served, distinguishing);

/**
 * {@link requestDigest} of the request of a reading. Readings of earlier versions have no film digest. For these the digest is
 * computed as the earlier version did, so their results keep the UIDs that a PACS already has.
 */
export const requestDigestOf = ({ plan: { policy }, findings, film }: Reading): string =>
  film.digest === undefined
    ? digestOfFindings(policy, findings, ({ variant }) => variant)
    : requestDigest(policy, findings);

function digestOfFindings<Finding extends { readonly finding: string }>(
  policy: string,
  findings: readonly Finding[],
  digested: (finding: Finding) => unknown,
): string {
  const byName = Object.fromEntries(findings.map((one) => [one.finding, digested(one)]));
  return sha256Sync(canonical([policy, byName]));
}

/**
 * The request digest of the results that the API serves. If only the policy determined the plan, it is the digest of the results
 * that a PACS receives, so both are one object. Otherwise it is the ID of the reading, because the results must differ.
 */
export function resultDigest(reading: Reading, { family, costs }: Pick<Router, 'family' | 'costs'>): string {
  const { policy } = reading.plan;
  const findings = reading.findings.map(({ finding }) => finding);
  const rules = family.policies[policy];
  const defaultPlan =
    rules &&
    route(family.catalog, rules, costs, {
      findings,
      minAuroc: {},
      bestEffort: false,
      operatingPoint: rules.operatingPoint,
    });
  if (!defaultPlan?.ok || reading.catalog !== `sha256:${family.digest}`) return reading.id;
  const expected = defaultPlan.value.assignments.map((assignment) => {
    const routed = presentAssignment(assignment);
    return [routed.finding, ...distinguishing({ ...routed, prevalence: routed.operatingPoint.prevalence })];
  });
  const actual = reading.findings.map((finding) => [finding.finding, ...distinguishing(finding)]);
  return canonical(expected) === canonical(actual) ? requestDigestOf(reading) : reading.id;
}
