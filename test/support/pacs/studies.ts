import { join } from 'node:path';
import { until } from '../cli.ts';
import { studyUid } from './films.ts';
import type { Orthanc } from './orthanc.ts';

export const comprehensive3dSr = '1.2.840.10008.5.1.4.1.1.88.34';
export const secondaryCapture = '1.2.840.10008.5.1.4.1.1.7';

type Found = Record<string, { Value?: unknown[] }>;
const value = (found: Found, tag: string) => String(found[tag]?.Value?.[0] ?? '');

/** SOP Instance UIDs of one SOP class in Orthanc by study, as QIDO-RS returns them. */
export async function objects(orthanc: Orthanc, sopClass: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const query = `SOPClassUID=${sopClass}&includefield=0020000D`;
  const found = (await orthanc.get(`/dicom-web/instances?${query}`)) as Found[];
  const byStudy = new Map<string, string[]>();
  for (const one of found) {
    const study = value(one, '0020000D');
    byStudy.set(study, [...(byStudy.get(study) ?? []), value(one, '00080018')]);
  }
  return byStudy;
}

export const reports = (orthanc: Orthanc) => objects(orthanc, comprehensive3dSr);
export const reportsOf = async (orthanc: Orthanc, study: string) => (await reports(orthanc)).get(studyUid(study)) ?? [];

/**
 * The number of reports per Study Instance UID, from Orthanc's index alone: for a search by SOP class, Orthanc 1.10
 * opens the files of all instances.
 */
export async function reportCounts(orthanc: Orthanc): Promise<ReadonlyMap<string, number>> {
  const body = JSON.stringify({ Level: 'Series', Query: { Modality: 'SR' }, Expand: true });
  const { status, body: found } = await orthanc.ask('/tools/find', { method: 'POST', body });
  if (status !== 200) throw new Error(`Orthanc answered ${status} to /tools/find`);
  type Study = { readonly ID: string; readonly MainDicomTags: { readonly StudyInstanceUID: string } };
  const studies = (await orthanc.get('/studies?expand')) as Study[];
  const uids = new Map(studies.map(({ ID, MainDicomTags }) => [ID, MainDicomTags.StudyInstanceUID]));
  const counts = new Map<string, number>();
  for (const { ParentStudy, Instances } of JSON.parse(found) as { ParentStudy: string; Instances: string[] }[]) {
    const uid = uids.get(ParentStudy) ?? '';
    counts.set(uid, (counts.get(uid) ?? 0) + Instances.length);
  }
  return counts;
}

/** Wait until a study has this number of reports. */
export const untilRead = (orthanc: Orthanc, study: string, count = 1, timeoutMs?: number) =>
  until(async () => (await reportsOf(orthanc, study)).length >= count, timeoutMs);

/** Save the DICOM file of an instance. Returns its path. */
export async function save(orthanc: Orthanc, sopInstanceUid: string): Promise<string> {
  const { body } = await orthanc.ask('/tools/lookup', { method: 'POST', body: sopInstanceUid });
  const [found] = JSON.parse(body) as { ID: string; Type: string }[];
  if (found?.Type !== 'Instance') throw new Error('Orthanc holds no such instance');
  const saveTo = join(orthanc.folder, `${found.ID}.dcm`);
  await orthanc.ask(`/instances/${found.ID}/file`, { saveTo });
  return saveTo;
}
