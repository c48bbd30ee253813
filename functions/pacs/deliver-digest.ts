import { createHash } from 'node:crypto';
import { canonical } from '../pipeline/request.ts';

/** Which finding was, or will be, read by which variant, and which prevalence its probability presumes. */
export type Served = { readonly finding: string; readonly variant: string; readonly prevalence: number };

/**
 * Distinguishes the results of one way of reading from another's, beside the catalog: policy, variants and prevalences. It
 * is known before a film is read, and it can be derived from a reading, so a film that arrives twice, by STOW-RS and from
 * the PACS, gets one result.
 */
export function requestDigest(policy: string, served: readonly Served[]): string {
  const ways = Object.fromEntries(served.map(({ finding, variant, prevalence }) => [finding, [variant, prevalence]]));
  return createHash('sha256')
    .update(canonical([policy, ways]))
    .digest('hex');
}
