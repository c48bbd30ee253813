import { manufacturer, sopClasses, type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import { ok, type Result } from '../../core/result.ts';
import { isUidText } from '../../core/uid.ts';
import type { DicomWeb, InstanceUids } from '../dicomweb/client.ts';
import { type Attributes, attributesDigest, text } from '../dicomweb/json.ts';
import type { Orthanc } from '../orthanc/client.ts';

/** A film of a study. */
export type StudyFilm = {
  readonly uids: InstanceUids;
  /** A digest of the header attributes that the PACS lists, and the digest of the file if the PACS gives one. */
  readonly listedAs: string;
  /** Whether {@link listedAs} changes if the file is replaced. Otherwise only a download shows that the file was replaced. */
  readonly detectsReplacement: boolean;
};

/** Lists the films of a PACS. */
export type FilmList = {
  /** The films of a study. Objects of Alara are no films, whatever their modality is. */
  ofStudy(studyInstanceUid: string, signal: AbortSignal): Promise<Result<readonly StudyFilm[], Fault>>;
  /**
   * The current {@link StudyFilm.listedAs} of one film. Undefined if the PACS does not list the film. If the series is known,
   * the film is searched for in its series, as in `ofStudy`, because a PACS may list other attributes in a search of the whole
   * study.
   */
  listedAs(
    film: Pick<InstanceUids, 'studyInstanceUid' | 'sopInstanceUid'> & Partial<InstanceUids>,
    signal: AbortSignal,
  ): Promise<Result<string | undefined, Fault>>;
};

/**
 * The attributes to request per instance. Some decide whether and how the instance is read. The others usually differ if
 * another image is stored under the same SOP Instance UID.
 */
export const instanceFields = [
  tags.sopClassUid,
  tags.manufacturer,
  tags.bodyPartExamined,
  tags.viewPosition,
  tags.patientOrientation,
  tags.instanceCreationDate,
  tags.instanceCreationTime,
  tags.contentDate,
  tags.contentTime,
  tags.acquisitionDate,
  tags.acquisitionTime,
  tags.photometricInterpretation,
  tags.rows,
  tags.columns,
  tags.windowCenter,
  tags.windowWidth,
];
const includefield = instanceFields.join();

const readableSopClasses = new Set(sopClasses.map(({ uid }) => uid));

/**
 * @param orthanc gives the digest of the file of a film. QIDO-RS alone does not show that pixels were replaced.
 * @param onRefused is called if Orthanc refuses the digest, for example because the user lacks the rights. Films are read
 * nevertheless.
 */
export function filmsOf(
  { search }: Pick<DicomWeb, 'search'>,
  modalities: readonly string[],
  orthanc?: Pick<Orthanc, 'fileDigest'>,
  onRefused?: (fault: Fault) => void,
): FilmList {
  async function describe(
    instance: Attributes,
    studyInstanceUid: string,
    signal: AbortSignal,
  ): Promise<Result<Omit<StudyFilm, 'uids'>, Fault>> {
    const header = attributesDigest(instance, instanceFields);
    const headerOnly = ok({ listedAs: header, detectsReplacement: false });
    if (!orthanc) return headerOnly;
    const file = await orthanc.fileDigest(studyInstanceUid, uid(instance, tags.sopInstanceUid), signal);
    if (file.ok) return ok({ listedAs: `${header} ${file.value}`, detectsReplacement: file.value !== '' });
    if (file.fault.code !== 'pacs_refused') return file;
    onRefused?.(file.fault);
    return headerOnly;
  }

  return {
    async ofStudy(studyInstanceUid, signal) {
      const study = `/studies/${studyInstanceUid}`;
      const listed = await search(`${study}/series`, { includefield: `${tags.modality},${tags.manufacturer}` }, signal);
      if (!listed.ok) return listed;
      const films: StudyFilm[] = [];
      for (const series of listed.value) {
        const seriesInstanceUid = uid(series, tags.seriesInstanceUid);
        if (!isUidText(seriesInstanceUid) || isAlaraObject(series) || !modalities.includes(uid(series, tags.modality)))
          continue;
        const instances = await search(`${study}/series/${seriesInstanceUid}/instances`, { includefield }, signal);
        if (!instances.ok) return instances;
        for (const instance of instances.value) {
          const sopInstanceUid = uid(instance, tags.sopInstanceUid);
          if (
            !isUidText(sopInstanceUid) ||
            isAlaraObject(instance) ||
            !readableSopClasses.has(uid(instance, tags.sopClassUid))
          )
            continue;
          const description = await describe(instance, studyInstanceUid, signal);
          if (!description.ok) return description;
          films.push({ uids: { studyInstanceUid, seriesInstanceUid, sopInstanceUid }, ...description.value });
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
      const description = await describe(instance, studyInstanceUid, signal);
      return description.ok ? ok(description.value.listedAs) : description;
    },
  };
}

const isAlaraObject = (attributes: Attributes) => text(attributes, tags.manufacturer) === manufacturer;
const uid = (attributes: Attributes, tag: Tag) => text(attributes, tag) ?? '';
