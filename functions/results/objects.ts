import { resultSopClasses } from '../core/dicom-dictionary.ts';
import type { Film } from '../core/film.ts';
import type { About, IdentifiedRead } from './provenance.ts';
import { secondaryCapture } from './sc/secondary-capture.ts';
import { structuredReport } from './sr/report.ts';
import { uidsOf } from './tracking-uid.ts';

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
  about: About,
  { sc }: { readonly sr: true; readonly sc?: Film },
): Promise<readonly ResultObject[]> {
  const { studyInstanceUid } = read.instance;
  const uids = uidsOf(read, about);
  const report: ResultObject = {
    sopClassUid: resultSopClasses.comprehensive3dSr,
    sopInstanceUid: uids.sr,
    seriesInstanceUid: uids.srSeries,
    studyInstanceUid,
    bytes: structuredReport(read, about),
  };
  if (!sc) return [report];
  const picture: ResultObject = {
    sopClassUid: resultSopClasses.secondaryCapture,
    sopInstanceUid: uids.sc,
    seriesInstanceUid: uids.scSeries,
    studyInstanceUid,
    bytes: await secondaryCapture(read, sc, about),
  };
  return [report, picture];
}
