import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { JobState } from '../../functions/core/job.ts';
import { replay, submit } from '../../functions/jobs/submit.ts';
import { sweep } from '../../functions/jobs/sweep.ts';
import { enqueueInSteps } from '../../functions/storage/jobs.ts';
import type { Delivery } from '../../functions/storage/queue.ts';
import { type Bench, openBench } from '../support/job-bench.ts';

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

test('removes unused uploads after a day; keeps films of open and given-up jobs', async () => {
  const { platform } = bench;
  await platform.blobs.put('an upload', new Blob(['film']).stream(), 100);
  for (const state of ['queued', 'running', 'dead', 'done', 'failed'] as const) await jobWithFilm(state, state);
  const left = async () => {
    const names = ['an upload', 'queued', 'running', 'dead', 'done', 'failed'];
    const found = await Promise.all(names.map((name) => platform.blobs.get(name)));
    return names.filter((_, i) => found[i]);
  };
  expect(await sweep(platform, 1000 * hour, inHours(23))).toMatchObject({ jobs: 0, blobs: 0 });
  expect(await left()).toHaveLength(6);
  expect(await sweep(platform, 1000 * hour, inHours(25))).toMatchObject({ jobs: 0, blobs: 3 });
  expect(await left()).toEqual(['queued', 'running', 'dead']);
  // A given-up job that is not replayed within the retention is removed with its film.
  expect(await sweep(platform, 48 * hour, inHours(49))).toMatchObject({ jobs: 3 });
  await sweep(platform, 48 * hour, inHours(50));
  expect(await left()).toEqual(['queued', 'running']);
});

test('removes ended jobs after their retention, and no other jobs', async () => {
  const { platform } = bench;
  for (const state of ['queued', 'running', 'dead', 'done', 'failed'] as const) await jobWithFilm(state, state);
  expect((await sweep(platform, 48 * hour, inHours(47))).jobs).toBe(0);
  expect((await sweep(platform, 48 * hour, inHours(49))).jobs).toBe(3);
  const kept = await platform.jobs.list({ limit: 10 });
  expect(kept.map(({ id }) => id).toSorted()).toEqual(['queued', 'running']);
});

describe('an open job without a message', () => {
  const minute = 60_000;
  const inMinutes = (minutes: number) => new Date(Date.now() + minutes * minute);
  const swept = async (minutes: number) => (await sweep(bench.platform, 48 * hour, inMinutes(minutes))).resent;
  const depth = async () => (await bench.platform.queue.depth()).waiting;
  async function received(): Promise<Delivery> {
    const delivery = await bench.platform.queue.receive({ visibilityMs: hour, waitMs: 0 });
    if (!delivery) throw new Error('The queue has no message.');
    return delivery;
  }
  const lose = async () => bench.platform.queue.remove((await received()).receipt);

  test('gets a new message after a while, from one of several sweepers, and again if the message is lost again', async () => {
    for (const state of ['queued', 'running', 'dead', 'done', 'failed'] as const) {
      await jobWithFilm(state, state);
      await lose();
    }
    expect(await swept(14)).toBe(0);
    const resent = await Promise.all([swept(16), swept(16), swept(16)]);
    expect(resent.reduce((a, b) => a + b)).toBe(2);
    expect(await depth()).toBe(2);
    const sent = [await received(), await received()];
    expect(sent.map(({ body }) => body).sort()).toEqual(['queued', 'running']);
    for (const { receipt } of sent) await bench.platform.queue.remove(receipt);
    expect(await swept(30)).toBe(0);
    expect(await swept(32)).toBe(2);
  });

  test('is distinguished from a job that waits in a long queue, which is left unchanged', async () => {
    for (const id of ['a', 'b', 'c']) await bench.submit(id);
    expect(await swept(600)).toBe(0);
    expect(await depth()).toBe(3);
    await lose();
    expect(await swept(600)).toBe(3);
    // At least one message per job. A second message finds an ended job.
    bench.work({});
    await vi.waitFor(async () => expect(await bench.platform.jobs.list({ state: 'done', limit: 9 })).toHaveLength(3));
  });

  test('of a process that crashed before it sent the message is processed', async () => {
    const died = { send: () => Promise.reject(new Error('killed')) };
    const input = { kind: 'film', upload: 'a', mediaType: 'image/png', parameters: {} } as const;
    // Simulates a platform with a separate queue and job store.
    const { jobs, queue } = bench.platform;
    const platform = { enqueue: enqueueInSteps({ jobs, queue: { ...queue, ...died } }) };
    await expect(submit(platform, 'a', 'local', input)).rejects.toThrow('killed');
    expect(await swept(16)).toBe(1);
    bench.work({});
    await vi.waitFor(async () => expect((await bench.platform.jobs.get('a'))?.state).toBe('done'));
  });

  test('that was replayed by such a process is processed', async () => {
    await jobWithFilm('a', 'dead');
    await lose();
    const died = { send: () => Promise.reject(new Error('killed')) };
    // Simulates a platform with a separate queue and job store.
    const { jobs, queue } = bench.platform;
    const platform = { enqueue: enqueueInSteps({ jobs, queue: { ...queue, ...died } }) };
    await expect(replay(platform, 'a')).rejects.toThrow('killed');
    expect(await swept(16)).toBe(1);
    expect(await depth()).toBe(1);
    // When the replay is repeated at once, no sweep is needed.
    expect(await replay(bench.platform, 'a')).toMatchObject({ state: 'queued' });
    expect(await depth()).toBe(2);
  });
});
