import { CatalogError } from '../catalog-error.ts';

/** In place of a value that could not be read. */
export type Unreadable = 'unreadable';

export type BestEffort = {
  /** The value of a read; a corrupt object is noted instead of thrown. StoreUnavailable is thrown. */
  orNote<Value>(read: Promise<Value>): Promise<Value | Unreadable>;
  /** The reasons of the reads that failed. */
  readonly notes: readonly string[];
};

/** Read objects that may be corrupt, and continue without those that are. */
export function bestEffort(): BestEffort {
  const notes: string[] = [];
  return {
    notes,
    async orNote(read) {
      try {
        return await read;
      } catch (error) {
        if (!(error instanceof CatalogError)) throw error;
        notes.push(error.message);
        return 'unreadable';
      }
    },
  };
}
