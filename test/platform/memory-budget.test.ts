import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ok } from '../../functions/core/result.ts';
import { createBudget } from '../../functions/platform/memory-budget.ts';

const never = new AbortController().signal;
const returning =
  <Value>(value: Value) =>
  async () =>
    ok(value);
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Work that runs until it is released. */
function blockedWork() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    done: resolve,
    work: async () => {
      await promise;
      return ok('done');
    },
  };
}

describe('a budget', () => {
  test('refuses a request with Retry-After when its memory is used up, and releases memory afterwards', async () => {
    const budget = createBudget(100);
    const one = blockedWork();
    const first = budget.runNow('a', 60, one.work);
    expect(await budget.runNow('b', 41, returning('no'))).toEqual({
      ok: false,
      fault: { code: 'queue_full', retryAfterMs: expect.any(Number) },
    });
    expect(await budget.runNow('b', 30, returning('fits'))).toEqual(ok('fits'));
    one.done();
    expect(await first).toEqual(ok('done'));
    expect(budget.inUse()).toBe(0);
    expect(await budget.runNow('a', 100, returning('all'))).toEqual(ok('all'));
  });

  test('releases memory when the work throws', async () => {
    const budget = createBudget(100);
    await expect(
      budget.runNow('a', 100, async () => {
        throw new Error('broken');
      }),
    ).rejects.toThrow('broken');
    expect(budget.inUse()).toBe(0);
  });

  test('admits a request that exceeds the whole budget only alone', async () => {
    const budget = createBudget(100);
    const large = blockedWork();
    const first = budget.runNow('a', 500, large.work);
    expect(budget.inUse()).toBe(500);
    expect(await budget.runNow('b', 1, returning('no'))).toMatchObject({ ok: false });
    large.done();
    await first;
    const growing = await budget.runNow('a', 0, async (lease) => ok([lease.grow(90), lease.grow(900), budget.inUse()]));
    expect(growing).toEqual(ok([true, true, 990]));
  });

  test('extends a lease while memory is free, and releases all of it on request', async () => {
    const budget = createBudget(100);
    const beside = blockedWork();
    const other = budget.runNow('a', 40, beside.work);
    const grown = await budget.runNow('b', 10, async (lease) => {
      const answers = [lease.grow(30), lease.grow(21), budget.inUse()];
      lease.release();
      answers.push(budget.inUse(), lease.grow(5));
      lease.shrink(40);
      return ok([...answers, budget.inUse()]);
    });
    expect(grown).toEqual(ok([true, false, 80, 40, true, 40]));
    beside.done();
    await other;
    expect(budget.inUse()).toBe(0);
  });

  test('lets one lease finish when several leases grow in turns and do not fit together', async () => {
    const budget = createBudget(100);
    const grow = (tenant: string) =>
      budget.runNow(tenant, 0, async (lease) => {
        for (let bytes = 0; bytes < 60; bytes += 10) {
          if (!lease.grow(10)) {
            lease.release();
            return { ok: false, fault: budget.queueFull() };
          }
          await nextTurn();
        }
        return ok(tenant);
      });
    const results = await Promise.all(['a', 'a', 'a', 'b'].map(grow));
    expect(results.some(({ ok }) => ok)).toBe(true);
    expect(budget.inUse()).toBe(0);
  });

  test.each([1, 2, 3])('reserves memory for a tenant against %i other tenants', async (others) => {
    const budget = createBudget(1_000_000);
    const works: Promise<unknown>[] = [];
    const all = blockedWork();
    for (let other = 0; other < others; other++) {
      const tenant = `hostile ${other}`;
      while (budget.hasRoom(tenant, 100)) works.push(budget.runNow(tenant, 100, all.work));
    }
    expect(budget.inUse()).toBeGreaterThan(700_000);
    const fair = Math.floor((0.7 * 1_000_000) / 4 ** others);
    expect(await budget.runNow('late', fair, returning('done'))).toEqual(ok('done'));
    all.done();
    await Promise.all(works);
    expect(budget.inUse()).toBe(0);
  });

  test('admits jobs in the order of their requests', async () => {
    const budget = createBudget(100);
    const begun: number[] = [];
    const works = [30, 30, 5, 100].map((bytes, i) => {
      const work = blockedWork();
      const running = budget.runInTurn(bytes, never, async () => {
        begun.push(i);
        return work.work();
      });
      return { ...work, running };
    });
    const next = async (i: number) => {
      works[i]?.done();
      await works[i]?.running;
      await nextTurn();
      return [...begun];
    };
    expect(begun).toEqual([0]);
    // The third would fit beside the first, but does not overtake the second.
    expect(await next(0)).toEqual([0, 1, 2]);
    expect(await next(1)).toEqual([0, 1, 2]);
    expect(await next(2)).toEqual([0, 1, 2, 3]);
    await next(3);
    expect(budget.inUse()).toBe(0);
  });

  test('keeps half of its memory from jobs, except for a single job', async () => {
    const budget = createBudget(100);
    const jobs = [blockedWork(), blockedWork(), blockedWork()];
    const running = jobs.map(({ work }) => budget.runInTurn(25, never, work));
    expect(budget.inUse()).toBe(50);
    expect(await budget.runNow('a', 30, returning('somebody waits for this'))).toEqual(ok('somebody waits for this'));
    for (const { done } of jobs) done();
    await Promise.all(running);
    expect(await budget.runInTurn(90, never, async () => ok(budget.inUse()))).toEqual(ok(90));
    expect(budget.inUse()).toBe(0);
  });

  test('removes an aborted job from the queue, and the next job continues', async () => {
    const budget = createBudget(100);
    const one = blockedWork();
    const first = budget.runInTurn(30, never, one.work);
    const stopped = new AbortController();
    const second = budget.runInTurn(30, stopped.signal, returning('second'));
    const third = budget.runInTurn(20, never, returning('third'));
    stopped.abort();
    expect(await second).toMatchObject({ ok: false, fault: { code: 'shutting_down' } });
    expect(await third).toEqual(ok('third'));
    expect(await budget.runInTurn(30, stopped.signal, returning('late'))).toMatchObject({ ok: false });
    one.done();
    await first;
    expect(budget.inUse()).toBe(0);
  });

  test('is exceeded only by a single request alone, and is empty at the end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ bytes: fc.nat(150), waits: fc.boolean(), tenant: fc.constantFrom('a', 'b') }), {
          maxLength: 30,
        }),
        async (asked) => {
          const budget = createBudget(100);
          let running = 0;
          const work = async () => {
            running++;
            expect(budget.inUse() <= 100 || running === 1).toBe(true);
            await nextTurn();
            running--;
            return ok(null);
          };
          const all = asked.map(({ bytes, waits, tenant }) =>
            waits ? budget.runInTurn(1 + bytes, never, work) : budget.runNow(tenant, 1 + bytes, work),
          );
          const results = await Promise.all(all);
          expect(results.every(({ ok }, i) => ok || !asked[i]?.waits)).toBe(true);
          expect(budget.inUse()).toBe(0);
        },
      ),
    );
  });
});
