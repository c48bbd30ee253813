import type { Instance } from '../core/instance.ts';
import type { Reading } from '../core/reading.ts';
import type { FilmReading } from '../reading/read.ts';
import { deriveUid } from './uid.ts';

/** A reading of a DICOM instance. Only such a reading has a study for DICOM results. */
export type DicomReading = FilmReading & { readonly instance: Instance };

/** The UIDs of the result objects of one film, and of their series. */
export type ResultUids = {
  readonly sr: string;
  readonly sc: string;
  readonly srSeries: string;
  readonly scSeries: string;
};

/** What identifies the results of one reading. Equal readings have equal identities, so a retry creates no second result. */
export type ResultIdentity = {
  /** SHA-256 of the catalog of the reading, in hexadecimal. A stored reading may be older than the loaded catalog. */
  readonly catalogDigest: string;
  /** UID of the device that made the reading: one model family. */
  readonly deviceUid: string;
  /** The tracking UID of a finding, equal in the SR and in the FHIR Observation. */
  findingUid(finding: string): string;
  /** Undefined for a reading of a PNG or JPEG film. */
  readonly uids?: ResultUids;
};

/** The identity of the results of a reading of a DICOM instance. */
export type InstanceIdentity = ResultIdentity & { readonly uids: ResultUids };

/**
 * Make the identity of the results of a reading.
 *
 * @param requestDigest distinguishes readings of one film by one model family, see request-digest.ts.
 */
export function resultIdentity(read: DicomReading, requestDigest: string): InstanceIdentity;
export function resultIdentity(read: FilmReading, requestDigest: string): ResultIdentity;
export function resultIdentity({ reading, instance }: FilmReading, requestDigest: string): ResultIdentity {
  const digest = catalogDigest(reading);
  const filmDigest = reading.film.digest;
  const common = { catalogDigest: digest, deviceUid: deriveUid('device', digest) };
  if (!instance) return { ...common, findingUid: (finding) => deriveUid('finding', reading.id, finding) };
  const parts = [instance.sopInstanceUid, digest, requestDigest];
  return {
    ...common,
    findingUid: (finding) => deriveUid('finding', ...parts, finding, ...(filmDigest ? [filmDigest] : [])),
    uids: resultUids({ ...instance, filmDigest }, digest, requestDigest),
  };
}

const catalogDigest = ({ catalog }: Reading): string => catalog.slice('sha256:'.length);

type ResultFilm = Pick<Instance, 'studyInstanceUid' | 'sopInstanceUid'> & {
  /**
   * `film.digest` of the reading. It is part of the UIDs, because the pixels may be replaced under the same SOP Instance UID.
   * Readings of earlier versions have no film digest. The UIDs of their results stay the same.
   */
  readonly filmDigest?: string | undefined;
};

/**
 * The UIDs of the results of one reading. All readings of a film share one SR series and one SC series. Each film has series of
 * its own, because viewers such as OHIF show only the newest SR of a series.
 */
export function resultUids(film: ResultFilm, catalogDigest: string, requestDigest: string): ResultUids {
  const { studyInstanceUid, sopInstanceUid, filmDigest } = film;
  const parts = [sopInstanceUid, catalogDigest, requestDigest, ...(filmDigest ? [filmDigest, studyInstanceUid] : [])];
  const seriesParts = filmDigest
    ? [studyInstanceUid, sopInstanceUid, catalogDigest, requestDigest]
    : [studyInstanceUid, catalogDigest];
  return {
    srSeries: deriveUid('sr series', ...seriesParts),
    scSeries: deriveUid('sc series', ...seriesParts),
    sr: deriveUid('sr', ...parts),
    sc: deriveUid('sc', ...parts),
  };
}
