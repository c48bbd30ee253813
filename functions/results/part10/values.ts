import { date } from '../fhir/date.ts';

// What a film's header says is repeated, and headers hold what their value representation does not allow. A value that
// only describes becomes what the standard has for one that is not known: empty, of type 2. What tells one patient or
// study from another (Patient ID and its issuer, Study ID, Accession Number, UIDs) is repeated as it is, malformed or not:
// an archive files by it, and a report with a corrected one would lie in another study than its film.

/** A day (DA); also as ACR-NEMA spelled it, which PS3.5 6.2 has readers understand. */
export function day(text: string | undefined): string {
  const digits = text?.replace(/^(\d{4})\.(\d{2})\.(\d{2})$/, '$1$2$3') ?? '';
  return date(digits) === undefined ? '' : digits;
}

/** A time of day (TM); also as ACR-NEMA spelled it. */
export function timeOfDay(text: string | undefined): string {
  const digits = text?.replace(/^(\d{2}):(\d{2})(?::(\d{2}))?/, '$1$2$3') ?? '';
  return /^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$/.test(digits) ? digits : '';
}

/** PS3.3 C.7.1.1: M, F or O. */
export const sex = (code: string | undefined): string => (code && ['M', 'F', 'O'].includes(code) ? code : '');

/** An integer string (IS) of 32 bits, as a number is usually written; undefined for what is none. */
export const integer = (text: string | undefined): string | undefined =>
  text && /^[+-]?\d{1,11}$/.test(text) && Math.abs(Number(text)) < 2 ** 31 ? String(Number(text)) : undefined;

/** Text that is one value: of several, which a backslash parts, the first; without the controls that text must not have. */
export const oneValue = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (text.split('\\')[0] ?? '').replace(/\p{Cc}/gu, ' ').trim();
