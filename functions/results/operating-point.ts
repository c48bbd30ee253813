import type { Threshold } from '../core/catalog.ts';
import type { FindingResult, Reading } from '../core/reading.ts';
import { type About, catalogDigest } from './provenance.ts';

/** What was measured at the operating point of a finding; unknown when the catalog has changed since the reading. */
export function operatingPoint(
  reading: Reading,
  { family }: About,
  { finding, variant }: FindingResult,
): Threshold | undefined {
  if (family.digest !== catalogDigest(reading)) return undefined;
  return family.catalog.variants.find(({ id }) => id === variant)?.heads[finding]?.threshold;
}
