import { totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Fault } from '../../functions/core/fault.ts';
import { fail, ok } from '../../functions/core/result.ts';
import { ms } from '../../functions/core/units.ts';
import { usualMemoryBytes } from '../../functions/inference/memory-guard.ts';
import { createEngine, type Engine, type EngineOptions } from '../../functions/inference/pool.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { planRequest } from '../../functions/routing/plan-request.ts';
import type { ReadRequest } from '../../functions/routing/request.ts';
import { catalogOf, head, policyOf, variant } from '../support/family.ts';

let engine: Engine | undefined;
afterEach(() => engine?.close());

const catalog = catalogOf([variant('r256', 256, 10, { Mass: head(0.7) })]);
const family = {
  folder: '.',
  catalog,
  digest: '',
  policies: { test: policyOf({}, { auroc: 0.5, bound: 'lower' }) },
  policyDigests: {},
  ownPolicy: 'test',
};
const request: ReadRequest = {
  findings: ['Mass'],
  minAuroc: {},
  prevalence: {},
  policy: 'test',
  bestEffort: false,
  explain: false,
};

type Limits = Partial<Omit<EngineOptions, 'family' | 'plan'>>;

function open(limits: Limits = {}): Engine {
  const threadFile = new URL('../support/obedient-thread.ts', import.meta.url).href;
  engine = createEngine({
    family,
    plan: (request) => planRequest({ ...family, costs: costTable(catalog, 'cpu') }, request),
    device: 'cpu',
    threads: 1,
    warm: [],
    workers: 1,
    queue: 10,
    deadlineMs: 10_000,
    threadFile,
    ...limits,
  });
  return engine;
}

let films = 0;
const film = (order: string) => ({
  id: `rd_${++films}`,
  bytes: new TextEncoder().encode(order),
  mediaType: 'image/png',
  request,
});

test('the memory limit of films follows the limit of the container or the machine', () => {
  const machine = totalmem();
  const unlimited = 2 ** 64;
  expect(usualMemoryBytes(2e9, 16e9)).toBe(1.6e9);
  expect(usualMemoryBytes(unlimited, 16e9)).toBe(12.8e9);
  expect(usualMemoryBytes(0, 16e9)).toBe(12.8e9);
  expect(usualMemoryBytes()).toBeGreaterThan(0);
  expect(usualMemoryBytes()).toBeLessThan(machine);
});

describe('the engine', () => {
  test('reads a film in a thread', async () => {
    const { ready, read } = open();
    expect(await ready).toEqual({ ok: true, value: null });
    const asked = film('go');
    expect(await read(asked)).toEqual({ ok: true, value: { id: asked.id, order: 'go' } });
    expect(asked.bytes.byteLength, 'the bytes were handed over, not copied').toBe(0);
  });

  test.each(['throw', 'exit'])('answers a film whose thread %ss, and reads the next film', async (order) => {
    const { read } = open();
    expect(await read(film(order))).toMatchObject({ ok: false, fault: { code: 'inference_failed' } });
    expect(await read(film('go'))).toMatchObject({ ok: true });
  });

  test('stops an endless film at its deadline, and reads the next film', async () => {
    const { ready, read } = open({ deadlineMs: 1000 });
    await ready;
    expect(await read(film('spin'))).toEqual({ ok: false, fault: { code: 'deadline_exceeded', deadlineMs: 1000 } });
    // On a busy machine the start of a thread may take longer.
    await vi.waitFor(async () => expect(await read(film('go'))).toMatchObject({ ok: true }), { timeout: 60_000 });
  });

  test('answers a film in native code at its deadline, and lets the thread finish', async () => {
    const { ready, read, status } = open({ deadlineMs: 300 });
    await ready;
    const start = performance.now();
    expect(await read(film('commit 900'))).toMatchObject({ ok: false, fault: { code: 'deadline_exceeded' } });
    expect(performance.now() - start).toBeLessThan(800);
    expect(status().running).toBe(1);
    await vi.waitFor(() => expect(status().running).toBe(0), { interval: 5 });
    expect(performance.now() - start).toBeGreaterThan(850);
    expect(await read(film('go'))).toMatchObject({ ok: true });
  });

  test('counts the download of a model against the deadline of the film', async () => {
    const downloads: string[][] = [];
    const { ready, read } = open({
      deadlineMs: 300,
      async ensureModels({ plan }) {
        downloads.push(plan.variants.map(({ id }) => id));
        await delay(400);
        return ok(null);
      },
    });
    await ready;
    expect(await read(film('go'))).toMatchObject({ ok: false });
    expect(downloads).toEqual([['r256']]);
  });

  test('does not read a film without its model, and returns the fault', async () => {
    const fault: Fault = { code: 'model_unavailable', variant: 'r256', retryAfterMs: ms(5000) };
    const faults: Fault[] = [];
    const { ready, read } = open({
      ensureModels: async () => fail(fault),
      async faulted(each) {
        faults.push(each);
      },
    });
    await ready;
    expect(await read(film('go'))).toEqual({ ok: false, fault });
    expect(faults).toEqual([fault]);
  });

  test('does not start a film that would miss its deadline, and returns Retry-After', async () => {
    const { ready, read } = open({ deadlineMs: 1000 });
    await ready;
    await read(film('sleep 400'));
    const last = [1, 2, 3].map(() => read(film('sleep 400'))).at(-1);
    // Started after 800 ms, it would take until 1200.
    const start = performance.now();
    expect(await last).toMatchObject({ ok: false, fault: { code: 'queue_full', retryAfterMs: expect.any(Number) } });
    expect(performance.now() - start).toBeLessThan(950);
  });

  test('keeps the place of a film whose caller disconnects during its reading', async () => {
    const { ready, read, status } = open();
    await ready;
    const gone = new AbortController();
    const running = read(film('sleep 300'), gone.signal);
    await vi.waitFor(() => expect(status().running).toBe(1));
    gone.abort();
    expect(await running).toEqual({ ok: false, fault: { code: 'client_gone' } });
    const next = read(film('go'));
    expect(status()).toMatchObject({ running: 1, waiting: 1 });
    expect(await next).toMatchObject({ ok: true });
  });

  test('reports why its threads cannot start, answers at once and can be closed', async () => {
    const threadFile = 'data:text/javascript,throw new Error("no such library")';
    const { ready, read, status, close } = open({ threadFile });
    expect(await ready).toMatchObject({ ok: false, fault: { code: 'inference_failed' } });
    expect(await read(film('go'))).toMatchObject({ ok: false, fault: { code: 'inference_failed' } });
    expect(status()).toMatchObject({ running: 0, warm: false, fault: { problem: expect.stringContaining('library') } });
    await close();
    engine = undefined;
  });

  test('counts the wait against the deadline', async () => {
    const { ready, read, status } = open({ deadlineMs: 1500 });
    await ready;
    const both = [read(film('sleep 1000')), read(film('sleep 1000'))];
    expect((await Promise.all(both)).map(({ ok }) => ok)).toEqual([true, false]);
    expect(status().waiting).toBe(0);
  });

  test('counts the time before the wait against the deadline, too', async () => {
    const { ready, read } = open({ deadlineMs: 1000 });
    await ready;
    const start = performance.now();
    const late = await read(film('sleep 600'), undefined, start - 800);
    expect(late).toMatchObject({ ok: false, fault: { code: 'queue_full' } });
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('refuses a film with Retry-After when the queue is full', async () => {
    const { ready, read } = open({ queue: 2 });
    await ready;
    const accepted = [read(film('sleep 100')), read(film('go')), read(film('go'))];
    const refused = await read(film('go'));
    expect(refused).toMatchObject({ ok: false, fault: { code: 'queue_full', retryAfterMs: expect.any(Number) } });
    expect((await Promise.all(accepted)).every(({ ok }) => ok)).toBe(true);
    expect(await read(film('go'))).toMatchObject({ ok: true });
  });

  test('starts the films of several tenants in turn, and gives each tenant its share of the queue', async () => {
    const { ready, read, overload } = open({ queue: 4 });
    await ready;
    const order: string[] = [];
    const of = (tenant: string, name: string, task = 'sleep 20') =>
      read(film(task), undefined, undefined, tenant).then(({ ok }) => order.push(ok ? name : `${name} refused`));
    const all = [of('busy', 'b0', 'sleep 500')];
    for (let i = 1; i <= 4; i++) all.push(of('busy', `b${i}`));
    expect(overload('busy')).toMatchObject({ code: 'queue_full' });
    all.push(of('busy', 'b5'));
    expect(overload('quiet')).toBeUndefined();
    all.push(of('quiet', 'q1'), of('quiet', 'q2'));
    expect(overload('quiet')).toMatchObject({ code: 'queue_full' });
    expect(overload('third')).toBeUndefined();
    await Promise.all(all);
    expect(order).toEqual(['b5 refused', 'b0', 'b1', 'q1', 'b2', 'q2', 'b3', 'b4']);
  });

  test('without a queue still reads on an idle thread', async () => {
    const { ready, read } = open({ queue: 0 });
    await ready;
    const running = read(film('sleep 50'));
    expect(await read(film('go'))).toMatchObject({ ok: false, fault: { code: 'queue_full' } });
    expect(await running).toMatchObject({ ok: true });
  });

  test('stops a film that exceeds the memory limit, and reads the next film', async () => {
    const memoryBytes = process.memoryUsage.rss() + 400_000_000;
    const { ready, read } = open({ memoryBytes });
    await ready;
    const before = process.memoryUsage.rss();
    // The film would allocate 4 GB, and then wait for a minute.
    expect(await read(film('grow 100'))).toEqual({
      ok: false,
      fault: { code: 'memory_exceeded', limitBytes: memoryBytes },
    });
    expect(await read(film('go'))).toMatchObject({ ok: true });
    await vi.waitFor(() => expect(process.memoryUsage.rss() - before).toBeLessThan(300_000_000), { timeout: 60_000 });
    // A film below the limit is not stopped.
    expect(await read(film('sleep 200'))).toMatchObject({ ok: true });
  });

  test('stops the film that has run longest, and then the next if memory is still short', {
    timeout: 60_000,
  }, async () => {
    const { ready, read } = open({ workers: 2, memoryBytes: process.memoryUsage.rss() + 500_000_000 });
    await ready;
    const first = read(film('sleep 30000'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const answers = await Promise.all([first, read(film('grow 100'))]);
    expect(answers).toMatchObject([{ fault: { code: 'memory_exceeded' } }, { fault: { code: 'memory_exceeded' } }]);
    expect(await Promise.all([read(film('go')), read(film('go'))])).toMatchObject([{ ok: true }, { ok: true }]);
  });

  test('does not stop films that started when the process exceeded the limit already', async () => {
    const { ready, read } = open({ memoryBytes: 1_000_000 });
    await ready;
    expect(await read(film('sleep 300'))).toMatchObject({ ok: true });
  });

  test('removes an abandoned film from the queue at once', async () => {
    const { ready, read, status } = open();
    await ready;
    const running = read(film('sleep 200'));
    const gone = new AbortController();
    const waiting = read(film('go'), gone.signal);
    expect(status()).toMatchObject({ running: 1, waiting: 1 });
    gone.abort();
    expect(await waiting).toEqual({ ok: false, fault: { code: 'client_gone' } });
    expect(status()).toMatchObject({ running: 1, waiting: 0 });
    expect(await running).toMatchObject({ ok: true });
  });

  test('does not accept a film whose caller has already disconnected', async () => {
    const { ready, read } = open();
    await ready;
    expect(await read(film('go'), AbortSignal.abort())).toEqual({ ok: false, fault: { code: 'client_gone' } });
  });

  test('does not kill a thread when the caller of its film disconnects', async () => {
    const { ready, read } = open();
    await ready;
    const gone = new AbortController();
    const running = read(film('sleep 100'), gone.signal);
    setTimeout(() => gone.abort(), 20);
    await running;
    expect(await read(film('go'))).toMatchObject({ ok: true });
  });

  test('reads as many films at a time as it has threads', async () => {
    const { ready, read } = open({ workers: 2 });
    await ready;
    const start = performance.now();
    await Promise.all([read(film('sleep 300')), read(film('sleep 300'))]);
    expect(performance.now() - start).toBeLessThan(590);
  });

  test('finishes its accepted films before it closes, and refuses later films', async () => {
    const { ready, read, close } = open();
    await ready;
    const accepted = [read(film('sleep 50')), read(film('sleep 50'))];
    const closed = close();
    expect(await read(film('go'))).toMatchObject({ ok: false, fault: { code: 'shutting_down' } });
    expect((await Promise.all(accepted)).every(({ ok }) => ok)).toBe(true);
    await closed;
    engine = undefined;
  });
});
