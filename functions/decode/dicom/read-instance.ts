import { type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { Instance } from '../../core/instance.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isUid } from '../../core/uid.ts';
import type { Image } from './image.ts';
import type { Attributes } from './parse/attributes.ts';

/** What identifies an instance, without which nothing can be sent back about it. */
const uids = [
  ['sopClassUid', tags.sopClassUid, 'SOP Class UID (0008,0016)'],
  ['sopInstanceUid', tags.sopInstanceUid, 'SOP Instance UID (0008,0018)'],
  ['seriesInstanceUid', tags.seriesInstanceUid, 'Series Instance UID (0020,000E)'],
  ['studyInstanceUid', tags.studyInstanceUid, 'Study Instance UID (0020,000D)'],
] as const;

/** Objects that belong to no study: DICOMDIR, hanging protocols and colour palettes (PS3.6, annex A). */
const withoutStudy = /^1\.2\.840\.10008\.(1\.3\.10$|5\.1\.4\.(38|39)\.)/;

/** Why an object cannot be identified; null where it can. `refusal`: why the object is not read anyway. */
export function unidentified(attributes: Attributes, refusal?: Fault): Fault | null {
  const hasNoStudy = refusal?.code === 'unsupported_sop_class' && withoutStudy.test(refusal.sopClass);
  const wrong = uids.slice(0, hasNoStudy ? 2 : undefined).find(([, tag]) => !isUid(attributes.code(tag) ?? ''));
  return wrong ? { code: 'unusable_header', problem: `its ${wrong[2]} is absent or malformed` } : null;
}

/** The identity of a film: its patient, study and series. Text that belongs to no such module is left out. */
export function instanceOf(attributes: Attributes, { rows, columns }: Image): Result<Instance, Fault> {
  const wrong = unidentified(attributes);
  if (wrong) return fail(wrong);
  const uid = (tag: Tag) => attributes.code(tag) ?? '';
  const text = (tag: Tag) => attributes.text(tag);
  const code = (tag: Tag) => attributes.code(tag);
  return ok({
    sopClassUid: uid(tags.sopClassUid),
    sopInstanceUid: uid(tags.sopInstanceUid),
    seriesInstanceUid: uid(tags.seriesInstanceUid),
    studyInstanceUid: uid(tags.studyInstanceUid),
    modality: modalityOf(attributes),
    seriesNumber: code(tags.seriesNumber),
    instanceNumber: code(tags.instanceNumber),
    acquisitionTime: code(tags.acquisitionTime) ?? code(tags.contentTime),
    rows,
    columns,
    patient: {
      name: text(tags.patientName),
      id: text(tags.patientId),
      issuerOfId: text(tags.issuerOfPatientId),
      birthDate: code(tags.patientBirthDate),
      sex: code(tags.patientSex),
    },
    study: {
      date: code(tags.studyDate),
      time: code(tags.studyTime),
      id: text(tags.studyId),
      accessionNumber: text(tags.accessionNumber),
      description: text(tags.studyDescription),
      referringPhysician: text(tags.referringPhysicianName),
    },
  });
}

/** PS3.3, C.7.3.1.1.1; OT (other) where a file leaves out what it must say. */
export const modalityOf = (attributes: Attributes): string => attributes.code(tags.modality) ?? 'OT';
