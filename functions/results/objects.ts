import { resultSopClasses } from '../core/dicom-dictionary.ts';
import type { Film } from '../core/film.ts';
import type { IdentifiedRead } from './identity.ts';
import type { InstanceProvenance } from './provenance.ts';
import { secondaryCapture } from './sc/secondary-capture.ts';
import { structuredReport } from './sr/report.ts';

/** A DICOM file that goes back into the study, and what STOW-RS must confirm of it. */
export type ResultObject = {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
};

/** Everything that goes back for one film. `sc`: the film itself, where viewers show no SR. */
export async function resultObjects(
  read: IdentifiedRead,
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
