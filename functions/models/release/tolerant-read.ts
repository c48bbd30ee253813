import { CatalogError } from '../catalog-error.ts';

/** Stands for what could not be read. */
export type Unreadable = 'unreadable';

export type BestEffort = {
  /** What a read gives, if what lies there can be trusted. A store that is away is not noted, but thrown. */
  orNote<Value>(read: Promise<Value>): Promise<Value | Unreadable>;
  /** Why each of the others could not be read. */
  readonly notes: readonly string[];
};

/** Reads what may be spoilt, and goes on without it. */
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
