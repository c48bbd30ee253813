/** A UID, of which only digits and dots are repeated. */
export const shownUid = (text: string): string => text.replace(/[^0-9.]/g, '?').slice(0, 64);
