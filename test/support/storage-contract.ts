import { describe } from 'vitest';
import { accessContract } from './storage-contract/access.ts';
import { blobsContract } from './storage-contract/blobs.ts';
import { jobsContract } from './storage-contract/jobs.ts';
import { cursorsContract, filmOutcomesContract } from './storage-contract/pacs-state.ts';
import { queueContract } from './storage-contract/queue.ts';
import { readingsContract } from './storage-contract/readings.ts';
import { sealedContract } from './storage-contract/sealed.ts';
import type { Open } from './storage-contract/subject.ts';

/** Requirements for every platform. `open` creates a new, empty platform for each test. */
export function platformContract(name: string, open: Open): void {
  describe(name, () => {
    describe('readings', () => readingsContract(open));
    describe('jobs', () => jobsContract(open));
    describe('queue', () => queueContract(open));
    describe('blobs', () => blobsContract(open));
    describe('outcomes of films', () => filmOutcomesContract(open));
    describe('access', () => accessContract(open));
    describe('cursors', () => cursorsContract(open));
    describe('stored data', () => sealedContract(open));
  });
}
