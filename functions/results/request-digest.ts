import { canonical } from '../core/digest.ts';
import type { Reading } from '../core/reading.ts';
import { sha256Sync } from '../platform/digest.ts';

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
