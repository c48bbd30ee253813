import type { Outcome } from '../core/job.ts';

/** What became of one film of a PACS: it was refused, or its results were stored. */
export type Refusal = {
  readonly sopInstanceUid: string;
  /** Of what the PACS says of the film: another one is to be looked at again. */
  readonly listedAs: string;
  readonly refused?: Outcome['refused'];
  /** The SOP Instance UIDs of its results. */
  readonly stored?: Outcome['stored'];
};

/** After so long a film is looked at once more. */
export const refusalLifeMs = 30 * 86_400_000;

/**
 * Keeps what became of films, so that they are not pulled again, for {@link refusalLifeMs}. The id stands for a study
 * and how its films are read, and holds no UID; what is kept holds some, and is kept sealed.
 */
export type RefusalStore = {
  get(id: string): Promise<readonly Refusal[]>;
  /** Replaces what was kept. */
  put(id: string, refusals: readonly Refusal[]): Promise<void>;
};
