import { canonical } from '../core/digest.ts';
import type { Reading } from '../core/reading.ts';
import type { Router } from '../inference/router.ts';
import { sha256Sync } from '../platform/digest.ts';
import { presentAssignment } from '../routing/present.ts';
import { route } from '../routing/route.ts';

/** Which finding was, or will be, read by which variant, for which reason, and which prevalence its probability presumes. */
export type Served = {
  readonly finding: string;
  readonly variant: string;
  readonly why: string;
  readonly prevalence: number;
};

/**
 * Distinguishes the results of one way of reading from another's, beside the catalog: policy, variants, reasons and
 * prevalences. It is known before a film is read, and it can be derived from a reading, so a film that arrives twice, by
 * STOW-RS and from the PACS, gets one result.
 */
export const requestDigest = (policy: string, served: readonly Served[]): string =>
  digestOfWays(policy, served, ({ variant, why, prevalence }) => [variant, why, prevalence]);

/**
 * {@link requestDigest} of the request that a reading answers. For a reading without a digest of its film it is the one
 * that the version which stored it computed: the results of that reading keep the UIDs that a PACS has them under.
 */
export const requestDigestOf = ({ plan: { policy }, findings, film }: Reading): string =>
  film.digest === undefined
    ? digestOfWays(policy, findings, ({ variant }) => variant)
    : requestDigest(policy, findings);

function digestOfWays<One extends { readonly finding: string }>(
  policy: string,
  served: readonly One[],
  way: (one: One) => unknown,
): string {
  const ways = Object.fromEntries(served.map((one) => [one.finding, way(one)]));
  return sha256Sync(canonical([policy, ways]));
}

/**
 * The request digest of the results that the API serves. If the policy alone decided the request, it is the digest of the results
 * that a PACS receives, so both are one object. Otherwise it is the id of the reading, because the results must differ.
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
