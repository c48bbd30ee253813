import type { Access } from './access.ts';
import type { Blobs } from './blobs.ts';
import type { Cursors } from './cursors.ts';
import type { Enqueue, JobStore } from './jobs.ts';
import type { Queue } from './queue.ts';
import type { ReadingStore } from './readings.ts';
import type { RefusalStore } from './refusals.ts';

/** Everything that outlives a process, behind small interfaces: embedded on one machine, or a cloud's own services. */
export type Platform = {
  readonly readings: ReadingStore;
  readonly jobs: JobStore;
  readonly queue: Queue;
  readonly enqueue: Enqueue;
  readonly blobs: Blobs;
  readonly refusals: RefusalStore;
  readonly access: Access;
  readonly cursors: Cursors;
  /** The code of what keeps everything from being kept at the moment; undefined when there is nothing. */
  trouble(): Promise<string | undefined>;
  close(): Promise<void>;
};
