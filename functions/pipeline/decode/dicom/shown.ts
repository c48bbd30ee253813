/** A code from a file as a fault or a reading may repeat it: printable, and no longer than a UID. */
export const shown = (text: string): string => text.replace(/[^ -~]/g, '?').slice(0, 64);

/** A UID, of which only digits and dots are repeated. */
export const shownUid = (text: string): string => text.replace(/[^0-9.]/g, '?').slice(0, 64);
