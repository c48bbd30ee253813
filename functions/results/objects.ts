import { resultSopClasses } from '../core/dicom-dictionary.ts';
import type { Film } from '../core/film.ts';
import type { DicomReading } from './identity.ts';
import type { InstanceProvenance } from './provenance.ts';
import { secondaryCapture } from './sc/secondary-capture.ts';
import { structuredReport } from './sr/report.ts';

/** A DICOM file to store in the study of the film, and its UIDs. */
export type ResultObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/**
 * All result files of one film.
 *
 * @param sc the decoded film, if a Secondary Capture is wanted. Some viewers show no SR.
 */
export async function resultObjects(
  read: DicomReading,
  provenance: InstanceProvenance,
  { sc }: { readonly sr: true; readonly sc?: Film },
): Promise<readonly ResultObject[]> {
  const { studyInstanceUid } = read.instance;
  const uids = provenance.identity.uids;
  const report: ResultObject = {
    sopClassUid: resultSopClasses.comprehensive3dSr,
    sopInstanceUid: uids.sr,
    seriesInstanceUid: uids.srSeries,
    studyInstanceUid,
    bytes: structuredReport(read, provenance),
  };
  if (!sc) return [report];
  const picture: ResultObject = {
    sopClassUid: resultSopClasses.secondaryCapture,
    sopInstanceUid: uids.sc,
    seriesInstanceUid: uids.scSeries,
    studyInstanceUid,
    bytes: await secondaryCapture(read, sc, provenance),
  };
  return [report, picture];
}
