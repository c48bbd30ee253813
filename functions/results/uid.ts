import { createHash } from 'node:crypto';

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
