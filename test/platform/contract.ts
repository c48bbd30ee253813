import { describe } from 'vitest';
import { accessContract } from './contract/access.ts';
import { blobsContract } from './contract/blobs.ts';
import { cursorsContract } from './contract/cursors.ts';
import { jobsContract } from './contract/jobs.ts';
import { queueContract } from './contract/queue.ts';
import { readingsContract } from './contract/readings.ts';
import { refusalsContract } from './contract/refusals.ts';
import { sealedContract } from './contract/sealed.ts';
import type { Open } from './contract/subject.ts';

/** What every platform must do, whatever it is made of. `open` makes a new, empty one for each test. */
export function platformContract(name: string, open: Open): void {
  describe(name, () => {
    describe('readings', () => readingsContract(open));
    describe('jobs', () => jobsContract(open));
    describe('queue', () => queueContract(open));
    describe('blobs', () => blobsContract(open));
    describe('refusals', () => refusalsContract(open));
    describe('access', () => accessContract(open));
    describe('cursors', () => cursorsContract(open));
    describe('what is at rest', () => sealedContract(open));
  });
}
