import type { Outcome } from '../core/job.ts';

/** The outcome of one film of a PACS: the film was refused, or its results were stored. */
export type FilmOutcome = {
  readonly sopInstanceUid: string;
  /** The digest of how the PACS lists the film. If it changes, the film is read again. */
  readonly listedAs: string;
  readonly refused?: Outcome['refused'];
  /** The SOP Instance UIDs of its results. */
  readonly stored?: Outcome['stored'];
};

/** How long an outcome is kept. Then the film is read again. */
export const filmOutcomeLifeMs = 30 * 86_400_000;

/**
 * Stores the outcomes of films for {@link filmOutcomeLifeMs}, so that the films are not pulled again. The id is a digest of the
 * study and of the way its films are read, and contains no UID. The outcomes contain UIDs and are encrypted.
 */
export type FilmOutcomeStore = {
  get(id: string): Promise<readonly FilmOutcome[]>;
  /** Replaces the stored list. */
  put(id: string, outcomes: readonly FilmOutcome[]): Promise<void>;
};

/** The position of each follower of a PACS. Store it only after the work before the position is queued durably. */
export type Cursors = {
  get(name: string): Promise<string | undefined>;
  /** Move a cursor from one position to another. False where another process moved it first. */
  move(name: string, from: string | undefined, to: string): Promise<boolean>;
};
