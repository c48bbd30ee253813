import { type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import type { Instance } from '../../core/instance.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isUid } from '../../core/uid.ts';
import type { Image } from './image.ts';
import type { Attributes } from './parse/attributes.ts';

/** The required UIDs of an instance. A result can only be sent back if all of them are valid. */
const requiredUids = [
  ['sopClassUid', tags.sopClassUid, 'SOP Class UID (0008,0016)'],
  ['sopInstanceUid', tags.sopInstanceUid, 'SOP Instance UID (0008,0018)'],
  ['seriesInstanceUid', tags.seriesInstanceUid, 'Series Instance UID (0020,000E)'],
  ['studyInstanceUid', tags.studyInstanceUid, 'Study Instance UID (0020,000D)'],
] as const;

/** SOP classes without a study: DICOMDIR, hanging protocols and colour palettes (PS3.6, annex A). */
const sopClassesWithoutStudy = /^1\.2\.840\.10008\.(1\.3\.10$|5\.1\.4\.(38|39)\.)/;

/**
 * The fault of an object with an absent or malformed UID; null if all required UIDs are valid.
 *
 * @param refusal the fault for which the object is refused anyway. An object without a study then needs only two UIDs.
 */
export function identityFault(attributes: Attributes, refusal?: Fault): Fault | null {
  const hasNoStudy = refusal?.code === 'unsupported_sop_class' && sopClassesWithoutStudy.test(refusal.sopClass);
  const malformed = requiredUids
    .slice(0, hasNoStudy ? 2 : undefined)
    .find(([, tag]) => !isUid(attributes.code(tag) ?? ''));
  return malformed ? { code: 'unusable_header', problem: `${malformed[2]} is absent or malformed` } : null;
}

/** The identity of a film: patient, study, series and instance. */
export function readInstance(attributes: Attributes, { rows, columns }: Image): Result<Instance, Fault> {
  const fault = identityFault(attributes);
  if (fault) return fail(fault);
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

/** Modality (PS3.3, C.7.3.1.1.1). The attribute is required; OT (other) if a file does not have it. */
export const modalityOf = (attributes: Attributes): string => attributes.code(tags.modality) ?? 'OT';
