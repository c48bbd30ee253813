import type { Read } from '../pipeline/read.ts';
import { type About, catalogDigest } from './about.ts';
import { deriveUid } from './uid.ts';

/** Names one finding of one film for good: the SR and the FHIR Observation of it carry the same. */
export const trackingUid = ({ reading, instance }: Read, { requestDigest }: About, finding: string): string =>
  instance
    ? deriveUid('finding', instance.sopInstanceUid, catalogDigest(reading), requestDigest, finding)
    : deriveUid('finding', reading.id, finding);
