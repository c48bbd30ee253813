import type { IdentifiedRead } from './identity.ts';
import { integer, timeOfDay } from './part10/values.ts';

/**
 * Which film of its study a result is of: "PA 10:15, series 3, image 7". A study can hold several films, and viewers show
 * their results side by side. The header's free text is left out: it may name the patient.
 */
export function filmName(read: IdentifiedRead): string {
  const { seriesNumber, instanceNumber, acquisitionTime, study, sopInstanceUid } = read.instance;
  const [, hour, minute] = /^(\d{2})(\d{2})/.exec(timeOfDay(acquisitionTime) || timeOfDay(study.time)) ?? [];
  const [series, image] = [integer(seriesNumber), integer(instanceNumber)];
  const seen = [view(read), hour && `${hour}:${minute}`].filter(Boolean).join(' ');
  const numbers = [series && `series ${series}`, image && `image ${image}`];
  // Without both numbers, only its UID tells the film from the others.
  const uid = series && image ? undefined : `UID ends ${sopInstanceUid.slice(-8)}`;
  return [seen, ...numbers, uid].filter(Boolean).join(', ');
}

/** AP or PA, where the header says so. */
export const view = ({ reading }: Pick<IdentifiedRead, 'reading'>): 'AP' | 'PA' | undefined => {
  const [, found] = /^(AP|PA)\b/.exec(reading.dicom?.viewPosition ?? '') ?? [];
  return found === 'AP' || found === 'PA' ? found : undefined;
};
