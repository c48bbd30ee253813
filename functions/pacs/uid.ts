import { createHash } from 'node:crypto';
import type { Instance } from '../pipeline/instance.ts';

/**
 * A UID that the same parts always have: `2.25.` and the decimal of a UUID (PS3.5 B.2). The UUID is of version 8
 * (RFC 9562 5.8), its free bits from SHA-256, so that it cannot be mistaken for a random or a time-based one.
 */
export function deriveUid(...parts: string[]): string {
  return `2.25.${BigInt(`0x${uuidBytes(parts).toString('hex')}`)}`;
}

/** The same UUID in the spelling that FHIR and URNs use. */
export function deriveUuid(...parts: string[]): string {
  return uuidBytes(parts)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** JSON, because joined parts could be cut elsewhere and collide. */
function uuidBytes(parts: readonly string[]): Buffer {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes;
}

/** The UIDs of what goes back into the study for one film. */
export type ResultUids = {
  readonly srSeries: string;
  readonly sr: string;
  readonly scSeries: string;
  readonly sc: string;
};

/**
 * Known before the film is read, so that a PACS can be asked whether it already holds the result, and a retry never
 * makes a second one. All films of a study share one series a kind, for as long as the catalog stays the same.
 *
 * @param requestDigest what else decides the answer: the digest of the policy, or of the whole request.
 */
export function resultUids(
  { studyInstanceUid, sopInstanceUid }: Pick<Instance, 'studyInstanceUid' | 'sopInstanceUid'>,
  catalogDigest: string,
  requestDigest = '',
): ResultUids {
  return {
    srSeries: deriveUid('sr series', studyInstanceUid, catalogDigest),
    sr: deriveUid('sr', sopInstanceUid, catalogDigest, requestDigest),
    scSeries: deriveUid('sc series', studyInstanceUid, catalogDigest),
    sc: deriveUid('sc', sopInstanceUid, catalogDigest, requestDigest),
  };
}
