import type { Reading } from '../core/reading.ts';
import type { Read } from '../reading/read.ts';

/**
 * Stores readings by tenant and id. A reading contains no patient data and is stored as JSON. The DICOM instance beside it
 * does, and is encrypted.
 */
export type ReadingStore = {
  get(tenant: string, id: string): Promise<Read | undefined>;
  /** Store a reading. A stored one stays as it is, because equal ids are equal readings. */
  put(tenant: string, read: Read): Promise<void>;
};

/** A stored reading in the format of this version. Earlier versions stored readings without warnings. */
export const storedReading = (stored: Omit<Reading, 'warnings'> & Partial<Reading>): Reading => ({
  ...stored,
  warnings: stored.warnings ?? [],
});
