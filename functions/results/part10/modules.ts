import { manufacturer } from '../../core/dicom-dictionary.ts';
import type { Instance } from '../../core/instance.ts';
import type { DicomReading } from '../identity.ts';
import type { Provenance } from '../provenance.ts';
import { firstValue, validDate, validInteger, validSex, validTime } from './values.ts';
import type { Dataset } from './write.ts';

/** Maximum number of characters of VR LO (PS3.5 6.2). */
const longStringLimit = 64;

/** The Patient and General Study Modules (PS3.3 C.7.1.1, C.7.2.1), copied from the film where its values are valid. */
export const patientAndStudy = ({ patient, study, studyInstanceUid }: Instance): Dataset => ({
  PatientName: firstValue(patient.name) ?? '',
  PatientID: patient.id ?? '',
  IssuerOfPatientID: patient.issuerOfId,
  PatientBirthDate: validDate(patient.birthDate),
  PatientSex: validSex(patient.sex),
  StudyInstanceUID: studyInstanceUid,
  StudyDate: validDate(study.date),
  StudyTime: validTime(study.time),
  ReferringPhysicianName: firstValue(study.referringPhysician) ?? '',
  StudyID: study.id ?? '',
  AccessionNumber: study.accessionNumber ?? '',
  StudyDescription: firstValue(study.description)?.slice(0, longStringLimit),
});

/** The Enhanced General Equipment Module (PS3.3 C.7.5.2). */
export const equipment = (provenance: Provenance): Dataset => ({
  Manufacturer: manufacturer,
  ManufacturerModelName: modelName(provenance),
  // A Type 1 attribute in this module. The digest of the catalog distinguishes model families.
  DeviceSerialNumber: provenance.identity.catalogDigest,
  SoftwareVersions: provenance.version,
  DeviceUID: provenance.identity.deviceUid,
});

/**
 * The General Series attributes and the Instance Number of a result (PS3.3 C.7.3.1). They state the film of the result and the
 * time of the reading. The Instance Number is derived from the UID, so the results of a study have different numbers.
 */
export function seriesAttributes(read: DicomReading, sopInstanceUid: string): Dataset {
  const { date, time } = localTime(read.reading.createdAt);
  return {
    SeriesDate: date,
    SeriesTime: time,
    SeriesDescription: `AI, research only: ${filmName(read)}`.slice(0, longStringLimit),
    InstanceNumber: String(1 + Number(BigInt(sopInstanceUid.slice('2.25.'.length)) % 99_999_989n)),
  };
}

export const modelName = ({ family }: Provenance) => `${manufacturer} ${family.catalog.family}`;

/**
 * The time of a reading as DA and TM, in local time. DA and TM have no time zone, and a Timezone Offset (PS3.3 C.12.1.1.8)
 * would also shift the times that are copied from the film.
 */
export function localTime(createdAt: string): { readonly date: string; readonly time: string } {
  const at = new Date(createdAt);
  const twoDigits = (part: number) => String(part).padStart(2, '0');
  return {
    date: `${at.getFullYear()}${twoDigits(at.getMonth() + 1)}${twoDigits(at.getDate())}`,
    time: `${twoDigits(at.getHours())}${twoDigits(at.getMinutes())}${twoDigits(at.getSeconds())}`,
  };
}

/**
 * The name of a film within its study, for example "PA 10:15, series 3, image 7". A study can contain several films, and viewers
 * show their results side by side. The name has no free text of the header, because free text may name the patient.
 */
export function filmName(read: DicomReading): string {
  const { seriesNumber, instanceNumber, acquisitionTime, study, sopInstanceUid } = read.instance;
  const [, hour, minute] = /^(\d{2})(\d{2})/.exec(validTime(acquisitionTime) || validTime(study.time)) ?? [];
  const [series, image] = [validInteger(seriesNumber), validInteger(instanceNumber)];
  const viewAndTime = [viewOf(read), hour && `${hour}:${minute}`].filter(Boolean).join(' ');
  const numbers = [series && `series ${series}`, image && `image ${image}`];
  // Without both numbers, only the UID distinguishes the film from the others.
  const uid = series && image ? undefined : `UID ends ${sopInstanceUid.slice(-8)}`;
  return [viewAndTime, ...numbers, uid].filter(Boolean).join(', ');
}

/** The view, AP or PA. Undefined if the header does not state one of them. */
export const viewOf = ({ reading }: Pick<DicomReading, 'reading'>): 'AP' | 'PA' | undefined => {
  const [, found] = /^(AP|PA)\b/.exec(reading.dicom?.viewPosition ?? '') ?? [];
  return found === 'AP' || found === 'PA' ? found : undefined;
};
