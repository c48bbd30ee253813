import type { DicomReading } from './identity.ts';
import { validInteger, validTime } from './part10/values.ts';

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
