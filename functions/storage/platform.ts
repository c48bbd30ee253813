import type { Access } from './access.ts';
import type { Blobs } from './blobs.ts';
import type { Enqueue, JobStore } from './jobs.ts';
import type { Cursors, FilmOutcomeStore } from './pacs-state.ts';
import type { Queue } from './queue.ts';
import type { ReadingStore } from './readings.ts';

/** The stores of data that outlives a process: SQLite and files on one machine, or the services of AWS. */
export type Platform = {
  readonly readings: ReadingStore;
  readonly jobs: JobStore;
  readonly queue: Queue;
  readonly enqueue: Enqueue;
  readonly blobs: Blobs;
  readonly filmOutcomes: FilmOutcomeStore;
  readonly access: Access;
  readonly cursors: Cursors;
  /** The code of the fault that prevents writes at the moment. Undefined where there is none. */
  trouble(): Promise<string | undefined>;
  close(): Promise<void>;
};
