import { manufacturer } from '../pipeline/decode/dicom/own.ts';
import { sopClasses } from '../pipeline/decode/dicom/sop-classes.ts';
import type { Fault } from '../pipeline/fault.ts';
import { ok, type Result } from '../pipeline/result.ts';
import type { DicomWeb, Place } from './dicomweb.ts';
import { type Attributes, digestOf, isUid, tags, text } from './dicomweb-json.ts';
import type { Orthanc } from './orthanc.ts';

/** A film of a study. */
export type StudyFilm = {
  readonly place: Place;
  /** A digest of what the PACS says of the film: its header and, where the PACS tells one, the digest of its file. */
  readonly listedAs: string;
};

/** What a PACS is asked about its films. */
export type Films = {
  /** The films of a study. Own objects are none, whatever their modality. */
  ofStudy(studyInstanceUid: string, signal: AbortSignal): Promise<Result<readonly StudyFilm[], Fault>>;
  /** The current {@link StudyFilm.listedAs} of one film; undefined when the PACS does not list the film. */
  listedAs(
    film: Pick<Place, 'studyInstanceUid' | 'sopInstanceUid'>,
    signal: AbortSignal,
  ): Promise<Result<string | undefined, Fault>>;
};

/**
 * What is asked of an instance: attributes that decide whether and how it is read, and those that differ as a rule when
 * another image is stored under the same SOP Instance UID.
 */
export const instanceFields = [
  ...[tags.sopClassUid, tags.manufacturer, tags.bodyPartExamined, tags.viewPosition, tags.patientOrientation],
  ...[tags.instanceCreationDate, tags.instanceCreationTime, tags.contentDate, tags.contentTime],
  ...[tags.acquisitionDate, tags.acquisitionTime, tags.photometricInterpretation, tags.rows, tags.columns],
  ...[tags.windowCenter, tags.windowWidth],
];
const includefield = instanceFields.join();

const readable = new Set(sopClasses.map(({ uid }) => uid));

/** @param orthanc tells the digest of a film's file. QIDO-RS alone does not show that pixels were replaced. */
export function filmsOf(
  { search }: Pick<DicomWeb, 'search'>,
  modalities: readonly string[],
  orthanc?: Pick<Orthanc, 'fileDigest'>,
): Films {
  async function described(
    instance: Attributes,
    studyInstanceUid: string,
    signal: AbortSignal,
  ): Promise<Result<string, Fault>> {
    const header = digestOf(instance, instanceFields);
    if (!orthanc) return ok(header);
    const file = await orthanc.fileDigest(studyInstanceUid, uid(instance, tags.sopInstanceUid), signal);
    return file.ok ? ok(`${header} ${file.value}`) : file;
  }

  return {
    async ofStudy(studyInstanceUid, signal) {
      const study = `/studies/${studyInstanceUid}`;
      const listed = await search(`${study}/series`, { includefield: `${tags.modality},${tags.manufacturer}` }, signal);
      if (!listed.ok) return listed;
      const films: StudyFilm[] = [];
      for (const series of listed.value) {
        const seriesInstanceUid = uid(series, tags.seriesInstanceUid);
        if (!isUid(seriesInstanceUid) || isOwn(series) || !modalities.includes(uid(series, tags.modality))) continue;
        const instances = await search(`${study}/series/${seriesInstanceUid}/instances`, { includefield }, signal);
        if (!instances.ok) return instances;
        for (const instance of instances.value) {
          const sopInstanceUid = uid(instance, tags.sopInstanceUid);
          if (!isUid(sopInstanceUid) || isOwn(instance) || !readable.has(uid(instance, tags.sopClassUid))) continue;
          const listedAs = await described(instance, studyInstanceUid, signal);
          if (!listedAs.ok) return listedAs;
          films.push({ place: { studyInstanceUid, seriesInstanceUid, sopInstanceUid }, listedAs: listedAs.value });
        }
      }
      return ok(films);
    },

    async listedAs({ studyInstanceUid, sopInstanceUid }, signal) {
      const query = { SOPInstanceUID: sopInstanceUid, includefield };
      const found = await search(`/studies/${studyInstanceUid}/instances`, query, signal);
      if (!found.ok) return found;
      const instance = found.value.find((one) => uid(one, tags.sopInstanceUid) === sopInstanceUid);
      return instance ? described(instance, studyInstanceUid, signal) : ok(undefined);
    },
  };
}

const isOwn = (attributes: Attributes) => text(attributes, tags.manufacturer) === manufacturer;
const uid = (attributes: Attributes, tag: string) => text(attributes, tag) ?? '';
