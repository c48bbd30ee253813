import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Fault } from '../../functions/core/fault.ts';
import type { Outcome } from '../../functions/core/job.ts';
import { fail, ok, type Result } from '../../functions/core/result.ts';
import { ms } from '../../functions/core/units.ts';
import { cancel } from '../../functions/jobs/cancel.ts';
import { replay } from '../../functions/jobs/submit.ts';
import { type Bench, openBench } from '../support/job-bench.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

const job = async (id: string) => {
  const found = await bench.platform.jobs.get(id);
  if (!found) throw new Error(`no job ${id}`);
  return found;
};
const state = async (id: string, wanted: string) => {
  await vi.waitFor(async () => expect((await job(id)).state).toBe(wanted), { timeout: 60_000, interval: 10 });
  return job(id);
};
const queueIsEmpty = () =>
  vi.waitFor(async () => expect(await bench.platform.queue.depth()).toEqual({ waiting: 0, inFlight: 0 }));
const keep = (blob: string) => bench.platform.blobs.put(blob, new Blob(['a film']).stream(), 100);

describe('a job', () => {
  test('is processed once, and its outcomes, progress and message are updated', async () => {
    const worked: string[] = [];
    await bench.submit('a');
    bench.work({
      film: async ({ id, state }, { progress }) => {
        worked.push(`${id} ${state}`);
        await progress(1, 2, [{ reading: 'rd_1' }]);
        return ok([{ reading: 'rd_1' }, { reading: 'rd_2' }]);
      },
    });
    expect(await state('a', 'done')).toMatchObject({
      attempts: 1,
      outcomes: [{ reading: 'rd_1' }, { reading: 'rd_2' }],
      progress: { done: 2, total: 2 },
    });
    await queueIsEmpty();
    expect(worked).toEqual(['a running']);
  });

  test('shows its progress while it runs', async () => {
    const free = Promise.withResolvers<void>();
    await bench.submit('a');
    bench.work({
      film: async (_, { progress }) => {
        await progress(3, 7, [{ reading: 'rd_1' }]);
        await free.promise;
        return ok([]);
      },
    });
    await vi.waitFor(async () =>
      expect(await job('a')).toMatchObject({
        state: 'running',
        attempts: 1,
        progress: { done: 3, total: 7 },
        outcomes: [{ reading: 'rd_1' }],
      }),
    );
    free.resolve();
    await state('a', 'done');
  });

  test('that is cancelled before its turn never runs, and its film is deleted', async () => {
    await keep('a');
    await bench.submit('a');
    expect(await cancel(bench.platform, 'a')).toMatchObject({ state: 'cancelled', attempts: 0 });
    expect(await bench.platform.blobs.has('a')).toBe(false);
    const film = vi.fn(async () => ok([]));
    bench.work({ film });
    await queueIsEmpty();
    expect(film).not.toHaveBeenCalled();
    expect(await job('a')).toMatchObject({ state: 'cancelled', attempts: 0 });
  });

  test('that is cancelled while it runs is stopped, and its late result changes nothing', async () => {
    await bench.submit('a');
    const aborted = Promise.withResolvers<void>();
    bench.work(
      {
        film: (_, { signal }) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              aborted.resolve();
              resolve(fail({ code: 'client_gone' }));
            });
          }),
      },
      { cancelCheckMs: 20 },
    );
    await state('a', 'running');
    await cancel(bench.platform, 'a');
    await aborted.promise;
    await queueIsEmpty();
    const { state: now, fault } = await job('a');
    expect([now, fault]).toEqual(['cancelled', undefined]);
    expect(bench.logged()).toContain('"state":"cancelled"');
  });

  test('that is cancelled names the readings that were finished before its try noticed, and keeps its end', async () => {
    await bench.submit('a');
    const [cancelled, listed, end] = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
    bench.work(
      {
        film: async (_, { progress }) => {
          await cancelled?.promise;
          await progress(1, 2, [{ reading: 'rd_1' }]);
          listed?.resolve();
          await end?.promise;
          return ok([{ reading: 'rd_1' }, { reading: 'rd_2' }]);
        },
      },
      // The try never notices.
      { cancelCheckMs: 600_000 },
    );
    await state('a', 'running');
    const ended = await cancel(bench.platform, 'a');
    cancelled?.resolve();
    await listed?.promise;
    expect(await job('a')).toEqual({ ...ended, outcomes: [{ reading: 'rd_1' }] });
    end?.resolve();
    await queueIsEmpty();
    expect(await job('a')).toEqual({ ...ended, outcomes: [{ reading: 'rd_1' }, { reading: 'rd_2' }] });
  });

  test('that is cancelled and submitted again is not ended by the try that was cancelled', async () => {
    await bench.submit('a');
    const late = Promise.withResolvers<void>();
    const started: number[] = [];
    bench.work(
      {
        film: async () => {
          started.push(started.length);
          if (started.length > 1) return ok([{ reading: 'rd_1' }]);
          await late.promise;
          return fail({ code: 'client_gone' });
        },
      },
      { cancelCheckMs: 20 },
    );
    await state('a', 'running');
    await cancel(bench.platform, 'a');
    expect(await replay(bench.platform, 'a')).toMatchObject({ state: 'queued', attempts: 0 });
    late.resolve();
    expect(await state('a', 'done')).toMatchObject({ outcomes: [{ reading: 'rd_1' }] });
  });

  test('that has ended cannot be cancelled, and cancelling twice changes nothing', async () => {
    await bench.submit('a');
    bench.work({});
    const ended = await state('a', 'done');
    expect(await cancel(bench.platform, 'a')).toEqual(ended);
    expect(await cancel(bench.platform, 'unknown')).toBeUndefined();
    await bench.platform.jobs.create({ ...ended, id: 'b', state: 'queued' });
    const first = await cancel(bench.platform, 'b');
    expect(await cancel(bench.platform, 'b')).toEqual(first);
  });

  test('is tried again after a temporary fault, which is visible until the job succeeds', async () => {
    await bench.submit('a');
    const seen: unknown[] = [];
    bench.work({
      film: async ({ attempts, fault }) => {
        seen.push([attempts, fault?.code]);
        return attempts < 3 ? fail({ code: 'inference_failed', problem: 'out of memory' }) : ok([]);
      },
    });
    const { attempts, fault } = await state('a', 'done');
    expect(seen).toEqual([
      [1, undefined],
      [2, 'inference_failed'],
      [3, 'inference_failed'],
    ]);
    expect([attempts, fault]).toEqual([3, undefined]);
  });

  test('fails at once for a permanent fault, and its film is removed', async () => {
    await keep('a');
    await bench.submit('a');
    bench.work({ film: async () => fail({ code: 'blank_image' }) });
    expect(await state('a', 'failed')).toMatchObject({ attempts: 1, fault: { code: 'blank_image' } });
    await queueIsEmpty();
    expect(await bench.platform.blobs.get('a')).toBeUndefined();
  });

  test('is given up after eight attempts, keeps its film, and can be replayed', async () => {
    await keep('a');
    await bench.submit('a');
    let broken = true;
    let tries = 0;
    bench.work({
      film: async () => {
        tries++;
        return broken ? fail({ code: 'internal' }) : ok([{ reading: 'rd_1' }]);
      },
    });
    expect(await state('a', 'dead')).toMatchObject({ attempts: 8, fault: { code: 'internal' } });
    expect(tries).toBe(8);
    await queueIsEmpty();
    expect(await bench.platform.blobs.get('a')).toBeDefined();
    expect((await bench.platform.jobs.list({ state: 'dead', limit: 10 })).map(({ id }) => id)).toEqual(['a']);

    broken = false;
    expect(await replay(bench.platform, 'a')).toMatchObject({ state: 'queued', attempts: 0 });
    expect(await state('a', 'done')).toMatchObject({ attempts: 1, outcomes: [{ reading: 'rd_1' }] });
    await queueIsEmpty();
    expect(await bench.platform.blobs.get('a')).toBeUndefined();
    expect(await replay(bench.platform, 'a')).toMatchObject({ state: 'done' });
    expect(await replay(bench.platform, 'no such job')).toBeUndefined();
  });

  test('with a handler that throws is tried again, and the log contains nothing of the error message', async () => {
    await bench.submit('a');
    bench.work({
      film: async ({ attempts }) => {
        if (attempts === 1) throw new TypeError('cannot read ALARA^TEST of 1.2.3.4');
        return ok([]);
      },
    });
    await state('a', 'done');
    expect(bench.logged()).toContain('TypeError');
    expect(bench.logged()).toContain('runner.test.ts');
    expect(bench.logged()).not.toContain('ALARA^TEST');
    expect(bench.logged()).not.toContain('1.2.3.4');
  });

  test('that finds the service busy waits, and loses no attempt', async () => {
    await bench.submit('a');
    let busy = 12;
    bench.work({
      film: async () => (busy-- > 0 ? fail({ code: 'queue_full', retryAfterMs: ms(5) }) : ok([])),
    });
    expect(await state('a', 'done')).toMatchObject({ attempts: 1 });
  });

  test('of an unknown id is discarded', async () => {
    await bench.platform.queue.send('job_of_nobody');
    bench.work({});
    await queueIsEmpty();
    expect(bench.logged()).toContain('no such job');
  });

  test('that was submitted twice is processed once', async () => {
    const free = Promise.withResolvers<void>();
    let worked = 0;
    for (let i = 0; i < 5; i++) await bench.submit('a');
    bench.work({
      film: async () => {
        worked++;
        await free.promise;
        return ok([]);
      },
    });
    await vi.waitFor(() => expect(worked).toBe(1));
    await delay(100);
    free.resolve();
    await state('a', 'done');
    expect(worked).toBe(1);
  });
});

describe('several runners', () => {
  test('share 50 jobs, and process each once', async () => {
    const worked: string[] = [];
    for (let i = 0; i < 50; i++) await bench.submit(`job ${i}`);
    for (const name of ['x', 'y'])
      bench.work({
        film: async ({ id }) => {
          worked.push(`${name} ${id}`);
          await delay(5);
          return ok([]);
        },
      });
    await vi.waitFor(
      async () => expect(await bench.platform.jobs.list({ state: 'done', limit: 99 })).toHaveLength(50),
      { timeout: 60_000 },
    );
    expect(worked).toHaveLength(50);
    expect(new Set(worked.map((line) => line[0]))).toEqual(new Set(['x', 'y']));
  });

  test('do not take over a job that takes longer than its visibility timeout', async () => {
    let worked = 0;
    await bench.submit('a');
    const slow = {
      film: async () => {
        worked++;
        await delay(900);
        return ok([]);
      },
    };
    bench.work(slow, { visibilityMs: 200 });
    bench.work(slow, { visibilityMs: 200 });
    await state('a', 'done');
    await queueIsEmpty();
    expect(worked).toBe(1);
  });

  test('take over a job of a silent runner, and the late runner changes nothing', async () => {
    const frozen = Promise.withResolvers<void>();
    const signals: AbortSignal[] = [];
    await bench.submit('a');
    // The heartbeat fails, as in a process that the machine has suspended.
    const extend = vi.spyOn(bench.platform.queue, 'extend').mockResolvedValueOnce(false);
    const first = bench.work(
      {
        film: async (_, { signal }) => {
          signals.push(signal);
          await frozen.promise;
          return fail({ code: 'blank_image' });
        },
      },
      // One frozen lane: another lane of the same runner could receive the job, and postpone it for five seconds.
      { visibilityMs: 200, concurrency: 1 },
    );
    await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true));
    extend.mockRestore();
    bench.work({ film: async () => ok([{ reading: 'rd_1' }]) }, { visibilityMs: 200 });
    await state('a', 'done');
    frozen.resolve();
    await first.stop();
    expect(await job('a')).toMatchObject({ state: 'done', outcomes: [{ reading: 'rd_1' }] });
  });
});

describe('a runner whose job was taken over without its knowledge', () => {
  /** The job is taken over while it runs. The caller decides later how the attempt ends. */
  async function overtaken(late: Result<readonly Outcome[], Fault>, inTime: Result<readonly Outcome[], Fault>) {
    const [frozen, working] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await bench.submit('a');
    // The heartbeat gets no answer, so the runner does not learn of the takeover.
    const extend = vi.spyOn(bench.platform.queue, 'extend').mockRejectedValue(new Error('no answer'));
    const first = bench.work(
      {
        async film(_, { progress }) {
          await frozen.promise;
          await progress(0, 1, [{ reading: 'rd_late' }]);
          return late;
        },
      },
      { visibilityMs: 200, concurrency: 1 },
    );
    await vi.waitFor(async () => expect((await job('a')).attempts).toBe(1));
    await vi.waitFor(() => expect(extend).toHaveBeenCalled());
    const taken = Promise.withResolvers<void>();
    bench.work({
      async film() {
        taken.resolve();
        await working.promise;
        return inTime;
      },
    });
    await taken.promise;
    extend.mockRestore();
    frozen.resolve();
    await first.stop();
    const between = await job('a');
    working.resolve();
    return between;
  }

  test.each([fail({ code: 'blank_image' } as const), fail({ code: 'internal' } as const)])(
    'changes nothing when it fails: %j',
    async (late) => {
      const between = await overtaken(late, ok([{ reading: 'rd_1' }]));
      expect(between).toMatchObject({ state: 'running', attempts: 2, outcomes: [] });
      expect(await state('a', 'done')).toMatchObject({ outcomes: [{ reading: 'rd_1' }] });
    },
  );

  test('is accepted when it succeeds', async () => {
    const between = await overtaken(ok([{ reading: 'rd_late' }]), fail({ code: 'blank_image' }));
    expect(between).toMatchObject({ state: 'done', outcomes: [{ reading: 'rd_late' }] });
    await queueIsEmpty();
    expect(await job('a')).toMatchObject({ state: 'done', outcomes: [{ reading: 'rd_late' }] });
  });
});

describe('a stop', () => {
  test('finishes the jobs that can be finished', async () => {
    await bench.submit('a');
    const begun = Promise.withResolvers<void>();
    const runner = bench.work({
      film: async () => {
        begun.resolve();
        await delay(100);
        return ok([]);
      },
    });
    await begun.promise;
    await runner.stop();
    expect((await job('a')).state).toBe('done');
    expect(await bench.platform.queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
  });

  test.each([
    [
      'listens',
      (signal: AbortSignal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    ],
    ['ignores the abort', () => new Promise<void>(() => undefined)],
  ])('returns other jobs at once and uncounted, when the handler %s', async (_, wait) => {
    await bench.submit('a');
    const begun = Promise.withResolvers<void>();
    const runner = bench.work(
      {
        film: async (_, { signal }) => {
          begun.resolve();
          await wait(signal);
          return fail({ code: 'client_gone' });
        },
      },
      { visibilityMs: 60_000, graceMs: 50 },
    );
    await begun.promise;
    await runner.stop();
    const stopped = performance.now();
    bench.work({ film: async () => ok([]) });
    await state('a', 'done');
    expect(performance.now() - stopped).toBeLessThan(1000);
  });

  test('receives no new job', async () => {
    const runner = bench.work({});
    await runner.stop();
    await bench.submit('a');
    await delay(100);
    expect((await job('a')).state).toBe('queued');
  });
});
