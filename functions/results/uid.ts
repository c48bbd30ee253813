import { createHash } from 'node:crypto';
import type { Instance } from '../core/instance.ts';

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

/** The film that results belong to. */
export type ResultsOf = Pick<Instance, 'studyInstanceUid' | 'sopInstanceUid'> & {
  /**
   * `film.digest` of the reading: replaced pixels under the same SOP Instance UID give other results. Absent for readings
   * of versions that did not compute it; their results keep the UIDs that they have.
   */
  readonly filmDigest?: string | undefined;
};

/** The series of the results of one film. */
export type ResultSeries = { readonly srSeries: string; readonly scSeries: string };

/** The UIDs of what goes back into the study for one film. */
export type ResultUids = ResultSeries & { readonly sr: string; readonly sc: string };

/**
 * The series of the results of one film, the same for all its readings. Known before the film is pulled, so a PACS can
 * be asked whether it holds any result of the film. Each film has series of its own, because viewers such as OHIF show
 * only the newest SR of a series.
 *
 * @param requestDigest what else decides the answer: the digest of the policy, or of the whole request.
 */
export const resultSeries = (
  { studyInstanceUid, sopInstanceUid }: Omit<ResultsOf, 'filmDigest'>,
  catalogDigest: string,
  requestDigest: string,
): ResultSeries => ({
  srSeries: deriveUid('sr series', studyInstanceUid, sopInstanceUid, catalogDigest, requestDigest),
  scSeries: deriveUid('sc series', studyInstanceUid, sopInstanceUid, catalogDigest, requestDigest),
});

/**
 * The UIDs of the results of one reading. A retry has the same, so it never makes a second result; two different
 * readings never share the UID of a result.
 */
export function resultUids(film: ResultsOf, catalogDigest: string, requestDigest: string): ResultUids {
  const { studyInstanceUid, sopInstanceUid, filmDigest } = film;
  const parts = [sopInstanceUid, catalogDigest, requestDigest, ...(filmDigest ? [filmDigest, studyInstanceUid] : [])];
  const series = filmDigest
    ? resultSeries(film, catalogDigest, requestDigest)
    : {
        srSeries: deriveUid('sr series', studyInstanceUid, catalogDigest),
        scSeries: deriveUid('sc series', studyInstanceUid, catalogDigest),
      };
  return { ...series, sr: deriveUid('sr', ...parts), sc: deriveUid('sc', ...parts) };
}
