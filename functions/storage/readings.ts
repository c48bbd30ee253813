import type { Reading } from '../core/reading.ts';
import type { Read } from '../reading/read.ts';

/**
 * Keeps readings by tenant and id. A reading names no patient and is kept as it is; the instance beside it does, and
 * is kept sealed.
 */
export type ReadingStore = {
  get(tenant: string, id: string): Promise<Read | undefined>;
  /** Keep a reading. One that is known stays as it was: equal ids are equal readings. */
  put(tenant: string, read: Read): Promise<void>;
};

/** A stored reading as this version has it: versions that kept no warnings stored readings without the list. */
export const storedReading = (stored: Omit<Reading, 'warnings'> & Partial<Reading>): Reading => ({
  ...stored,
  warnings: stored.warnings ?? [],
});
