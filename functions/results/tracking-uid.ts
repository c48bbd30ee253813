import type { Read } from '../reading/read.ts';
import { type About, catalogDigest, type IdentifiedRead } from './provenance.ts';
import { deriveUid, type ResultUids, resultUids } from './uid.ts';

/** The UIDs of the results of one reading. */
export const uidsOf = (
  { reading, instance }: IdentifiedRead,
  { requestDigest }: Pick<About, 'requestDigest'>,
): ResultUids => resultUids({ ...instance, filmDigest: reading.film.digest }, catalogDigest(reading), requestDigest);

/** Identifies one finding of one reading for good: the SR and the FHIR Observation carry the same UID. */
export function trackingUid({ reading, instance }: Read, { requestDigest }: About, finding: string): string {
  if (!instance) return deriveUid('finding', reading.id, finding);
  const { digest } = reading.film;
  const parts = [instance.sopInstanceUid, catalogDigest(reading), requestDigest, finding, ...(digest ? [digest] : [])];
  return deriveUid('finding', ...parts);
}
