import type { HumanName, Patient } from 'fhir/r4.js';
import type { Instance } from '../../core/instance.ts';
import { date } from './date.ts';

const genders: Readonly<Record<string, Patient['gender']>> = { M: 'male', F: 'female', O: 'other' };

/** The patient, with only what the header of the film states. */
export function patientOf({ patient }: Instance): Patient {
  const { id, issuerOfId, name, birthDate, sex } = patient;
  const names = name ? humanNames(name) : [];
  return {
    resourceType: 'Patient',
    ...(id && { identifier: [{ value: id, ...(issuerOfId && { assigner: { display: issuerOfId } }) }] }),
    ...(names.length > 0 && { name: names }),
    gender: genders[sex ?? ''],
    birthDate: date(birthDate),
  };
}

/** One name per component group of a PN: alphabetic, ideographic, phonetic (PS3.5 6.2.1). */
function humanNames(pn: string): HumanName[] {
  return pn.split('=').flatMap((group) => {
    const [family, given, middle, prefix, suffix] = group.split('^').map((component) => component.trim());
    const name: HumanName = {
      ...(family && { family }),
      ...((given || middle) && { given: [given, middle].filter(isFilled) }),
      ...(prefix && { prefix: [prefix] }),
      ...(suffix && { suffix: [suffix] }),
    };
    return Object.keys(name).length > 0 ? [name] : [];
  });
}

const isFilled = (text: string | undefined): text is string => Boolean(text);
