import { createHash } from 'node:crypto';

/**
 * Derive a UID from parts: `2.25.` and the decimal form of a UUID (PS3.5 B.2). Equal parts give equal UIDs. The UUID has version 8
 * (RFC 9562 5.8) and free bits from SHA-256, so it differs from every random and time-based UUID.
 */
export function deriveUid(...parts: string[]): string {
  return `2.25.${BigInt(`0x${uuidBytes(parts).toString('hex')}`)}`;
}

/** The UUID of {@link deriveUid} in hexadecimal, as FHIR and URNs use it. */
export function deriveUuid(...parts: string[]): string {
  return uuidBytes(parts)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The parts are digested as JSON, because plain concatenation could make different parts equal. */
function uuidBytes(parts: readonly string[]): Buffer {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes;
}
