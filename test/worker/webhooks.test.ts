import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ok } from '../../functions/pipeline/result.ts';
import { submit } from '../../functions/worker/submit.ts';
import { retryAfterMs, webhookHandler } from '../../functions/worker/webhook.ts';
import { createWebhookTurns } from '../../functions/worker/webhook-turns.ts';
import { type Bench, openBench } from './bench.ts';
import { openReceiver, type Receiver } from './receiver.ts';

describe('beside a receiver that takes the connection and never answers', () => {
  let bench: Bench;
  let silent: Receiver;
  let sound: Receiver;
  beforeEach(async () => {
    bench = openBench();
    silent = await openReceiver(() => undefined);
    sound = await openReceiver();
  });
  afterEach(async () => {
    await silent.close();
    await sound.close();
    await bench.close();
  });

  test('a film, and the webhook of another tenant, wait seconds for 300 webhooks and not minutes', {
    timeout: 60_000,
  }, async () => {
    const { platform } = bench;
    await platform.access.allowWebhooks('local', silent.host);
    await platform.access.allowWebhooks('practice', sound.host);
    await bench.submit('told');
    await platform.jobs.update('told', (job) => ({ ...job, state: 'done' }));
    const hook = (id: string, tenant: string, { host }: Receiver) =>
      submit(platform, id, tenant, { kind: 'webhook', url: `http://${host}/`, job: 'told' });
    for (let i = 0; i < 300; i++) await hook(`hook ${i}`, 'local', silent);
    await hook('hook of another', 'practice', sound);
    await bench.submit('film');
    const started = performance.now();
    // As many lanes as on two processors.
    const webhook = webhookHandler(platform, createWebhookTurns());
    bench.work({ film: async () => ok([]), webhook }, { concurrency: 10, graceMs: 10 });
    await vi.waitFor(async () => expect((await platform.jobs.get('film'))?.state).toBe('done'), { timeout: 30_000 });
    expect(performance.now() - started).toBeLessThan(5000);
    await vi.waitFor(() => expect(sound.hooks).toHaveLength(1), { timeout: 5000 });
    // What waits for its turn has lost no try.
    const states = await platform.jobs.list({ state: 'queued', limit: 999 });
    expect(states.length).toBeGreaterThan(290);
    for (const { attempts } of states) expect(attempts).toBe(0);
    expect(silent.hooks.length).toBeLessThanOrEqual(2);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  test.each<[string | null, number]>([
    [null, 0],
    ['0', 0],
    [' 30 ', 30_000],
    ['86400', 3_600_000],
    ['Mon, 23 Nov 2026 12:00:10 GMT', 10_000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['soon', 0],
    ['-5', 0],
  ])('%j', (header, waitMs) => {
    expect(retryAfterMs(header, now)).toBe(waitMs);
  });
});

describe('turns', () => {
  const open = () => {
    const time = { ms: 0 };
    const turns = createWebhookTurns(() => time.ms);
    const enter = (host = 'a', tenant = 't') => {
      const admission = turns.enter(host, tenant);
      if (admission.kind !== 'entered') throw new Error(`it is ${admission.kind}`);
      return admission;
    };
    return { time, turns, enter };
  };

  test('two to a host, two of a tenant, four in all', () => {
    const { turns, enter } = open();
    const [first] = [enter('a', 't'), enter('a', 'u')];
    expect(turns.enter('a', 'v').kind).toBe('full');
    enter('b', 't');
    expect(turns.enter('c', 't').kind).toBe('full');
    enter('b', 'v');
    expect(turns.enter('d', 'w').kind).toBe('full');
    first?.leave({ answered: true });
    expect(turns.enter('d', 'w').kind).toBe('entered');
  });

  test('those that are put off come back one after the other, not all at once', () => {
    const { turns, enter } = open();
    enter();
    enter();
    const waits = Array.from({ length: 100 }, () => turns.enter('a', 't')).map((put) =>
      put.kind === 'full' ? put.waitMs : 0,
    );
    expect(new Set(waits).size).toBe(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(300_000);
    for (let i = 0; i < 10_000; i++) turns.enter('a', 't');
    expect(turns.enter('a', 't')).toEqual({ kind: 'full', waitMs: 300_000 });
  });

  test('a host that does not answer is left alone, then tried by one at a time, ever later', () => {
    const { time, turns, enter } = open();
    const fail = () => enter().leave({ answered: false });
    for (let i = 0; i < 3; i++) fail();
    expect(turns.enter('a', 'of another tenant')).toEqual({ kind: 'closed', waitMs: 30_000 });
    enter('b').leave({ answered: true });
    time.ms = 30_000;
    const trying = enter();
    expect(turns.enter('a', 't').kind).toBe('closed');
    trying.leave({ answered: false });
    expect(turns.enter('a', 't')).toEqual({ kind: 'closed', waitMs: 60_000 });
    for (let i = 0; i < 20; i++) {
      time.ms += 600_000;
      fail();
    }
    expect(turns.enter('a', 't')).toEqual({ kind: 'closed', waitMs: 600_000 });
    time.ms += 600_000;
    enter().leave({ answered: true });
    enter();
    enter();
  });

  test('one that asks for it is left alone for so long', () => {
    const { time, turns, enter } = open();
    enter().leave({ answered: true, notBeforeMs: 5000 });
    expect(turns.enter('a', 't')).toEqual({ kind: 'closed', waitMs: 5000 });
    time.ms = 5000;
    enter();
  });

  test('whatever comes of them, never more are on their way than may be, and none is shut out for good', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.record({ host: name, tenant: name, leaves: fc.nat({ max: 3 }), answered: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { time, turns, enter } = open();
        const inside: { host: string; tenant: string; leave: ReturnType<typeof enter>['leave'] }[] = [];
        for (const { host, tenant, leaves, answered } of steps) {
          const admission = turns.enter(host, tenant);
          if (admission.kind === 'entered') inside.push({ host, tenant, leave: admission.leave });
          expect(inside.length).toBeLessThanOrEqual(4);
          expect(inside.filter((one) => one.host === host).length).toBeLessThanOrEqual(2);
          expect(inside.filter((one) => one.tenant === tenant).length).toBeLessThanOrEqual(2);
          for (const one of inside.splice(0, leaves)) one.leave(answered ? { answered: true } : { answered: false });
          time.ms += 1000;
        }
        for (const one of inside) one.leave({ answered: false });
        time.ms += 600_000;
        for (const host of ['a', 'b', 'c']) enter(host).leave({ answered: true });
      }),
    );
  });
});
