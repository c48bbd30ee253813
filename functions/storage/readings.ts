import type { Reading } from '../core/reading.ts';
import type { FilmReading } from '../reading/read.ts';

/**
 * Stores readings by tenant and id. A reading contains no patient data and is stored as JSON. The DICOM instance beside it
 * does, and is encrypted.
 */
export type ReadingStore = {
  get(tenant: string, id: string): Promise<FilmReading | undefined>;
  /** Store a reading. One that is stored already stays as it is, with its reference and its time, and is the result. */
  put(tenant: string, read: FilmReading): Promise<FilmReading | undefined>;
  /** The readings of a tenant, newest first, by time and then by id. */
  list(tenant: string, range: ReadingRange): Promise<Reading[]>;
  /** Delete a reading and the instance beside it. False where there is none. */
  remove(tenant: string, id: string): Promise<boolean>;
};

/** A position in a list, newest first: the list goes on behind the entry with this time and id. */
export type Position = { readonly createdAt: string; readonly id: string };

export type ReadingRange = {
  /** The earliest time, in the format of `createdAt`. */
  readonly from?: string | undefined;
  /** Only readings before this time. */
  readonly to?: string | undefined;
  /** Only readings behind this position. */
  readonly after?: Position | undefined;
  readonly limit: number;
};

/** A stored reading in the format of this version. Earlier versions stored readings without warnings. */
export const storedReading = (stored: Omit<Reading, 'warnings'> & Partial<Reading>): Reading => ({
  ...stored,
  warnings: stored.warnings ?? [],
});
