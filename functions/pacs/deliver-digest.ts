import { createHash } from 'node:crypto';
import { canonical } from '../pipeline/request.ts';

/** Which finding was, or will be, read by which variant. */
export type Served = { readonly finding: string; readonly variant: string };

/**
 * What tells the results of one way of reading from another's, beside the catalog: the policy and who reads what. It is
 * known before a film is read, so that a PACS can be asked for the result first, and it can be taken from a
 * reading, so that a film that comes by two ways, by STOW-RS and from the PACS, gets one result.
 */
export function requestDigest(policy: string, served: readonly Served[]): string {
  const variants = Object.fromEntries(served.map(({ finding, variant }) => [finding, variant]));
  return createHash('sha256')
    .update(canonical([policy, variants]))
    .digest('hex');
}
