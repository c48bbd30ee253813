import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobState } from '../../functions/worker/job.ts';
import { sweep } from '../../functions/worker/sweep.ts';
import { type Bench, openBench } from './bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const hour = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * hour);

async function jobWithFilm(id: string, state: JobState) {
  await bench.platform.blobs.put(id, new Blob([id]).stream(), 100);
  await bench.submit(id);
  await bench.platform.jobs.update(id, (job) => ({ ...job, state }));
}

test('uploads that no job needs go after a day; the films of jobs that wait or were given up stay', async () => {
  const { platform } = bench;
  await platform.blobs.put('an upload', new Blob(['film']).stream(), 100);
  for (const state of ['queued', 'running', 'dead', 'done', 'failed'] as const) await jobWithFilm(state, state);
  const left = async () => {
    const names = ['an upload', 'queued', 'running', 'dead', 'done', 'failed'];
    const found = await Promise.all(names.map((name) => platform.blobs.get(name)));
    return names.filter((_, i) => found[i]);
  };
  expect(await sweep(platform, 1000 * hour, inHours(23))).toEqual({ jobs: 0, blobs: 0 });
  expect(await left()).toHaveLength(6);
  expect(await sweep(platform, 1000 * hour, inHours(25))).toEqual({ jobs: 0, blobs: 3 });
  expect(await left()).toEqual(['queued', 'running', 'dead']);
});

test('finished jobs go after their retention, the others never', async () => {
  const { platform } = bench;
  for (const state of ['queued', 'running', 'dead', 'done', 'failed'] as const) await jobWithFilm(state, state);
  expect((await sweep(platform, 48 * hour, inHours(47))).jobs).toBe(0);
  expect((await sweep(platform, 48 * hour, inHours(49))).jobs).toBe(2);
  const kept = await platform.jobs.list({ limit: 10 });
  expect(kept.map(({ id }) => id).toSorted()).toEqual(['dead', 'queued', 'running']);
});
