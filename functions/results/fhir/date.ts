/** A DICOM DA as a FHIR date. Undefined if the text is no calendar date. */
export function date(da: string | undefined): string | undefined {
  const [, year, month, day] = /^(\d{4})(\d{2})(\d{2})$/.exec(da?.trim() ?? '') ?? [];
  if (!year || !month || !day) return undefined;
  const iso = `${year}-${month}-${day}`;
  const parsed = new Date(`${iso}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(iso) ? iso : undefined;
}
