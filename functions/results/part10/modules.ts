import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Instance } from '../../core/instance.ts';
import { filmName } from '../film-name.ts';
import type { IdentifiedRead } from '../identity.ts';
import type { Provenance } from '../provenance.ts';
import { day, oneValue, sex, timeOfDay } from './values.ts';
import type { Dataset } from './write.ts';

/** Characters of a value of VR LO at most (PS3.5 6.2). */
const longString = 64;

/** The Patient and General Study Modules (PS3.3 C.7.1.1, C.7.2.1): repeated from the source film, as far as they can be. */
export const patientAndStudy = ({ patient, study, studyInstanceUid }: Instance): Dataset => ({
  PatientName: oneValue(patient.name) ?? '',
  PatientID: patient.id ?? '',
  IssuerOfPatientID: patient.issuerOfId,
  PatientBirthDate: day(patient.birthDate),
  PatientSex: sex(patient.sex),
  StudyInstanceUID: studyInstanceUid,
  StudyDate: day(study.date),
  StudyTime: timeOfDay(study.time),
  ReferringPhysicianName: oneValue(study.referringPhysician) ?? '',
  StudyID: study.id ?? '',
  AccessionNumber: study.accessionNumber ?? '',
  StudyDescription: oneValue(study.description)?.slice(0, longString),
});

/** The Enhanced General Equipment Module (PS3.3 C.7.5.2). */
export const equipment = (provenance: Provenance): Dataset => ({
  Manufacturer: manufacturer,
  ManufacturerModelName: modelName(provenance),
  // Type 1 here; the digest of the catalog is what tells one family from another.
  DeviceSerialNumber: provenance.identity.catalogDigest,
  SoftwareVersions: provenance.version,
  DeviceUID: provenance.identity.deviceUid,
});

/**
 * What the General Series Module and an instance's number say of a result (PS3.3 C.7.3.1): which film it is of, and when it
 * was made. The number is the same for the same UID, and another one for each result of a study.
 */
export function seriesOf(read: IdentifiedRead, sopInstanceUid: string): Dataset {
  const { date, time } = localTime(read.reading.createdAt);
  return {
    SeriesDate: date,
    SeriesTime: time,
    SeriesDescription: `AI, research only: ${filmName(read)}`.slice(0, longString),
    InstanceNumber: String(1 + Number(BigInt(sopInstanceUid.slice('2.25.'.length)) % 99_999_989n)),
  };
}

export const modelName = ({ family }: Provenance) => `${manufacturer} ${family.catalog.family}`;

/**
 * The moment of a reading as DA and TM. They cannot carry a zone and are local (PS3.3 C.12.1.1.8): a Timezone Offset
 * would also move the times that are repeated from the film.
 */
export function localTime(createdAt: string): { readonly date: string; readonly time: string } {
  const at = new Date(createdAt);
  const two = (part: number) => String(part).padStart(2, '0');
  return {
    date: `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`,
    time: `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`,
  };
}
