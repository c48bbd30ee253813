import { manufacturer, sopClasses, type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import { isUidText } from '../../core/uid.ts';
import type { DicomWeb, InstanceUids } from '../dicomweb/client.ts';
import { type Attributes, attributesDigest, text } from '../dicomweb/json.ts';
import type { Orthanc } from '../orthanc/client.ts';

/** A film of a study. */
export type StudyFilm = {
  readonly place: InstanceUids;
  /** A digest of what the PACS says of the film: its header and, where the PACS tells one, the digest of its file. */
  readonly listedAs: string;
  /** Whether {@link listedAs} changes with the file. Otherwise the film has to be pulled to see that it was replaced. */
  readonly detectsReplacement: boolean;
};

/** What a PACS is asked about its films. */
export type FilmList = {
  /** The films of a study. Own objects are none, whatever their modality. */
  ofStudy(studyInstanceUid: string, signal: AbortSignal): Promise<Result<readonly StudyFilm[], Fault>>;
  /**
   * The current {@link StudyFilm.listedAs} of one film; undefined when the PACS does not list the film. It is looked for in
   * its series where that is known, as by `ofStudy`: a PACS may say other things of it in the list of the whole study.
   */
  listedAs(
    film: Pick<InstanceUids, 'studyInstanceUid' | 'sopInstanceUid'> & Partial<InstanceUids>,
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

/**
 * @param orthanc gives the digest of a film's file. QIDO-RS alone does not show that pixels were replaced.
 * @param refused is called when Orthanc refuses the digest, for example to a user without the rights. Films are then read anyway.
 */
export function filmsOf(
  { search }: Pick<DicomWeb, 'search'>,
  modalities: readonly string[],
  orthanc?: Pick<Orthanc, 'fileDigest'>,
  refused?: (fault: Fault) => void,
): FilmList {
  async function described(
    instance: Attributes,
    studyInstanceUid: string,
    signal: AbortSignal,
  ): Promise<Result<Omit<StudyFilm, 'place'>, Fault>> {
    const header = attributesDigest(instance, instanceFields);
    const headerAlone = ok({ listedAs: header, detectsReplacement: false });
    if (!orthanc) return headerAlone;
    const file = await orthanc.fileDigest(studyInstanceUid, uid(instance, tags.sopInstanceUid), signal);
    if (file.ok) return ok({ listedAs: `${header} ${file.value}`, detectsReplacement: file.value !== '' });
    if (file.fault.code !== 'pacs_refused') return file;
    refused?.(file.fault);
    return headerAlone;
  }

  return {
    async ofStudy(studyInstanceUid, signal) {
      const study = `/studies/${studyInstanceUid}`;
      const listed = await search(`${study}/series`, { includefield: `${tags.modality},${tags.manufacturer}` }, signal);
      if (!listed.ok) return listed;
      const films: StudyFilm[] = [];
      for (const series of listed.value) {
        const seriesInstanceUid = uid(series, tags.seriesInstanceUid);
        if (!isUidText(seriesInstanceUid) || isOwn(series) || !modalities.includes(uid(series, tags.modality)))
          continue;
        const instances = await search(`${study}/series/${seriesInstanceUid}/instances`, { includefield }, signal);
        if (!instances.ok) return instances;
        for (const instance of instances.value) {
          const sopInstanceUid = uid(instance, tags.sopInstanceUid);
          if (!isUidText(sopInstanceUid) || isOwn(instance) || !readable.has(uid(instance, tags.sopClassUid))) continue;
          const description = await described(instance, studyInstanceUid, signal);
          if (!description.ok) return description;
          films.push({ place: { studyInstanceUid, seriesInstanceUid, sopInstanceUid }, ...description.value });
        }
      }
      return ok(films);
    },

    async listedAs({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }, signal) {
      const query = { SOPInstanceUID: sopInstanceUid, includefield };
      const series = seriesInstanceUid === undefined ? '' : `/series/${seriesInstanceUid}`;
      const found = await search(`/studies/${studyInstanceUid}${series}/instances`, query, signal);
      if (!found.ok) return found;
      const instance = found.value.find((one) => uid(one, tags.sopInstanceUid) === sopInstanceUid);
      if (!instance) return ok(undefined);
      const description = await described(instance, studyInstanceUid, signal);
      return description.ok ? ok(description.value.listedAs) : description;
    },
  };
}

const isOwn = (attributes: Attributes) => text(attributes, tags.manufacturer) === manufacturer;
const uid = (attributes: Attributes, tag: Tag) => text(attributes, tag) ?? '';
