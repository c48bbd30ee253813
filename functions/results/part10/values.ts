// Results copy values from the header of the film, and a header may contain values that their VR does not allow. An invalid
// descriptive value becomes empty: an empty value of type 2 means "unknown". An identifying value (Patient ID and its issuer,
// Study ID, Accession Number, UIDs) is copied unchanged, even if it is malformed. An archive assigns objects to studies by
// these values, so a report with a corrected value would be in another study than its film.

/** A valid date (DA), or empty. The ACR-NEMA format is accepted, as PS3.5 6.2 requires of readers. */
export function validDate(text: string | undefined): string {
  const digits = text?.replace(/^(\d{4})\.(\d{2})\.(\d{2})$/, '$1$2$3') ?? '';
  return isoDate(digits) === undefined ? '' : digits;
}

/** A valid time (TM), or empty. The ACR-NEMA format is accepted. */
export function validTime(text: string | undefined): string {
  const digits = text?.replace(/^(\d{2}):(\d{2})(?::(\d{2}))?/, '$1$2$3') ?? '';
  return /^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$/.test(digits) ? digits : '';
}

/** A valid Patient's Sex (M, F or O; PS3.3 C.7.1.1), or empty. */
export const validSex = (code: string | undefined): string => (code && ['M', 'F', 'O'].includes(code) ? code : '');

/** An integer string (IS) of 32 bits, without leading zeros or plus sign. Undefined if the text is not such an integer. */
export const validInteger = (text: string | undefined): string | undefined =>
  text && /^[+-]?\d{1,11}$/.test(text) && Math.abs(Number(text)) < 2 ** 31 ? String(Number(text)) : undefined;

/** The first of the values that backslashes separate. Control characters become spaces, because text must not contain them. */
export const firstValue = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : (text.split('\\')[0] ?? '').replace(/\p{Cc}/gu, ' ').trim();

/** A number rounded to the precision of the measurements: four significant digits. */
export const rounded = (value: number): number => Number(value.toPrecision(4));

/** The rounded number as a Decimal String (PS3.5 6.2). */
export const decimal = (value: number): string => String(rounded(value));

/** A DICOM DA as an ISO 8601 date, which FHIR uses. Undefined if the text is no calendar date. */
export function isoDate(da: string | undefined): string | undefined {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(da?.trim() ?? '') ?? [];
  if (!year || !month || !day) return undefined;
  const iso = `${year}-${month}-${day}`;
  const parsed = new Date(`${iso}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(iso) ? iso : undefined;
}
