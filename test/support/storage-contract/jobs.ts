import { expect, test } from 'vitest';
import type { Job } from '../../../functions/core/job.ts';
import { StoreUnavailable } from '../../../functions/platform/store-unavailable.ts';
import type { Platform } from '../../../functions/storage/platform.ts';
import { job } from './samples.ts';
import type { Open } from './subject.ts';

const ids = (jobs: readonly Job[]) => jobs.map(({ id }) => id);

export function jobsContract(open: Open): void {
  test('are returned unchanged', async () => {
    const { platform, another } = await open();
    const whole = job('a', {
      state: 'failed',
      attempts: 3,
      progress: { done: 2, total: 5 },
      outcomes: [
        { sopInstanceUid: '2.25.1', reading: 'rd_a', stored: ['2.25.2'] },
        { refused: { code: 'multi_frame' } },
      ],
      fault: { code: 'multi_frame', frames: 3 },
      busySince: '2026-01-02T03:04:06.000Z',
      run: '7f0c',
    });
    expect(await platform.jobs.create(whole)).toBe(true);
    const { jobs } = await another();
    expect(await jobs.get('a')).toEqual(whole);
    expect(await jobs.get('b')).toBeUndefined();
  });

  test('are created once: a second job with the same id changes nothing', async () => {
    const { jobs } = (await open()).platform;
    await jobs.create(job('a', { attempts: 2 }));
    expect(await jobs.create(job('a', { tenant: 'practice' }))).toBe(false);
    expect(await jobs.get('a')).toEqual(job('a', { attempts: 2 }));
  });

  test('are created once when many processes create them at the same time', async () => {
    const { platform, another } = await open();
    const other = await another();
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? platform : other).jobs.create(job('a', { attempts: i }))),
    );
    expect(made.filter(Boolean)).toHaveLength(1);
    expect((await platform.jobs.get('a'))?.attempts).toBe(made.indexOf(true));
  });

  test('change atomically: none of 20 concurrent changes is lost', async () => {
    const { platform, another } = await open();
    const other = await another();
    await platform.jobs.create(job('a'));
    const step = ({ attempts, outcomes, ...rest }: Job): Job => ({
      ...rest,
      attempts: attempts + 1,
      outcomes: [...outcomes, { reading: `rd_${attempts}` }],
    });
    // On a busy machine, a store may refuse a change because too many others happen. Its caller repeats such a change.
    const change = async ({ jobs }: Pick<Platform, 'jobs'>): Promise<unknown> =>
      jobs
        .update('a', step)
        .catch((error) => (error instanceof StoreUnavailable ? change({ jobs }) : Promise.reject(error)));
    await Promise.all(Array.from({ length: 20 }, (_, i) => change(i % 2 ? platform : other)));
    const after = await platform.jobs.get('a');
    expect(after?.attempts).toBe(20);
    expect(after?.outcomes).toEqual(Array.from({ length: 20 }, (_, i) => ({ reading: `rd_${i}` })));
  });

  test('return the changed job; a change of an unknown job returns undefined', async () => {
    const { jobs } = (await open()).platform;
    await jobs.create(job('a', { state: 'dead', fault: { code: 'internal' } }));
    const changed = await jobs.update('a', ({ fault: _, ...rest }) => ({ ...rest, state: 'queued' }));
    expect(changed).toEqual(job('a'));
    expect(await jobs.get('a')).toEqual(job('a'));
    expect(await jobs.update('b', (found) => found)).toBeUndefined();
    expect(await jobs.get('b')).toBeUndefined();
  });

  test('stay unchanged if the change throws', async () => {
    const { jobs } = (await open()).platform;
    await jobs.create(job('a'));
    const refuse = () => {
      throw new Error('not now');
    };
    await expect(jobs.update('a', refuse)).rejects.toThrow('not now');
    expect(await jobs.get('a')).toEqual(job('a'));
    expect(await jobs.update('a', (found) => ({ ...found, attempts: 1 }))).toEqual(job('a', { attempts: 1 }));
  });

  test('are listed newest first, by tenant and by state', async () => {
    const { jobs } = (await open()).platform;
    await jobs.create(job('b', { createdAt: '2026-01-02T00:00:00.000Z' }));
    await jobs.create(job('a', { createdAt: '2026-01-03T00:00:00.000Z', state: 'dead' }));
    await jobs.create(job('c', { createdAt: '2026-01-01T00:00:00.000Z', state: 'dead', tenant: 'practice' }));
    expect(ids(await jobs.list({ limit: 9 }))).toEqual(['a', 'b', 'c']);
    expect(ids(await jobs.list({ limit: 2 }))).toEqual(['a', 'b']);
    expect(ids(await jobs.list({ limit: 9, state: 'dead' }))).toEqual(['a', 'c']);
    expect(ids(await jobs.list({ limit: 9, tenant: 'clinic' }))).toEqual(['a', 'b']);
    expect(ids(await jobs.list({ limit: 9, tenant: 'practice', state: 'queued' }))).toEqual([]);
  });

  test('are listed by kind, page by page, each job once', async () => {
    const { jobs } = (await open()).platform;
    const webhook = { kind: 'webhook', url: 'https://ris.example.org/', job: 'a' } as const;
    const times = ['2026-01-01', '2026-01-01', '2026-01-02', '2026-01-03', '2026-01-03', '2026-01-04'];
    const states = ['done', 'queued', 'cancelled', 'dead', 'running', 'failed'] as const;
    for (const [i, day] of times.entries()) {
      const change = { createdAt: `${day}T00:00:00.000Z`, state: states[i] ?? 'done' };
      await jobs.create(job(`study ${i}`, change));
      await jobs.create(job(`webhook ${i}`, { ...change, input: webhook }));
      await jobs.create(job(`other ${i}`, { ...change, tenant: 'practice' }));
    }
    const studies = ['study 5', 'study 4', 'study 3', 'study 2', 'study 1', 'study 0'];
    expect(ids(await jobs.list({ limit: 99, tenant: 'clinic', kinds: ['study'] }))).toEqual(studies);
    expect(ids(await jobs.list({ limit: 99, tenant: 'clinic', kinds: ['webhook'], state: 'dead' }))).toEqual([
      'webhook 3',
    ]);
    expect(ids(await jobs.list({ limit: 99, tenant: 'clinic', kinds: ['film'] }))).toEqual([]);
    for (const limit of [1, 2, 4]) {
      const listed: string[] = [];
      for (let after: Job | undefined; ; ) {
        const page = await jobs.list({ limit, tenant: 'clinic', kinds: ['study', 'film'], after });
        expect(page.length).toBeLessThanOrEqual(limit);
        listed.push(...ids(page));
        after = page.at(-1);
        if (!after) break;
      }
      expect(listed).toEqual(studies);
    }
  });

  test('are deleted when they have ended and are old; open jobs are kept', async () => {
    const { jobs } = (await open()).platform;
    for (const state of ['queued', 'running', 'done', 'failed', 'dead', 'cancelled'] as const) {
      await jobs.create(job(`old ${state}`, { state, updatedAt: '2026-01-01T00:00:00.000Z' }));
      await jobs.create(job(`new ${state}`, { state, updatedAt: '2026-02-01T00:00:00.000Z' }));
    }
    expect(await jobs.prune(new Date('2026-01-15'))).toBe(4);
    const kept = ids(await jobs.list({ limit: 99 }));
    expect(kept).toHaveLength(8);
    expect(kept).not.toContain('old done');
    expect(kept).not.toContain('old failed');
    expect(kept).not.toContain('old dead');
    expect(kept).not.toContain('old cancelled');
    expect(await jobs.prune(new Date('2026-01-15'))).toBe(0);
  });

  test('are enqueued: stored and sent, changed and sent, or left unchanged', async () => {
    const { jobs, queue, enqueue } = (await open()).platform;
    const messages = async () => {
      const bodies: string[] = [];
      for (;;) {
        const delivery = await queue.receive({ visibilityMs: 60_000, waitMs: 300 });
        if (!delivery) return bodies;
        await queue.remove(delivery.receipt);
        bodies.push(delivery.body);
      }
    };
    expect(await enqueue('a', (known) => ({ job: known ?? job('a'), send: true }))).toEqual(job('a'));
    expect(await jobs.get('a')).toEqual(job('a'));
    expect(await messages()).toEqual(['a']);
    // The second time the job stays unchanged, and gets another message.
    expect(await enqueue('a', (known = job('a', { attempts: 9 })) => ({ job: known, send: true }))).toEqual(job('a'));
    expect(await messages()).toEqual(['a']);
    const again = job('a', { attempts: 3 });
    expect(await enqueue('a', (known) => known && { job: { ...known, attempts: 3 }, send: true })).toEqual(again);
    expect(await jobs.get('a')).toEqual(again);
    expect(await messages()).toEqual(['a']);
    expect(await enqueue('a', () => undefined)).toEqual(again);
    expect(await enqueue('b', () => undefined)).toBeUndefined();
    expect(await enqueue('c', () => ({ job: job('c', { state: 'done' }), send: false }))).toMatchObject({ id: 'c' });
    expect(await messages()).toEqual([]);
  });
}
