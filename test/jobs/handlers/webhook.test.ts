import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ok } from '../../../functions/core/result.ts';
import { retryAfterMs, webhookHandler } from '../../../functions/jobs/handlers/webhook.ts';
import { createWebhookTurns, mostWebhooks } from '../../../functions/jobs/handlers/webhook-limits.ts';
import { submit } from '../../../functions/jobs/submit.ts';
import { type Bench, openBench } from '../../support/job-bench.ts';
import { openReceiver, type Receiver } from '../../support/webhook-receiver.ts';

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
    expect(performance.now() - started).toBeLessThan(20_000);
    await vi.waitFor(() => expect(sound.hooks).toHaveLength(1), { timeout: 20_000 });
    // What waits for its turn has lost no try.
    const states = await platform.jobs.list({ state: 'queued', limit: 999 });
    expect(states.length).toBeGreaterThan(290);
    for (const { attempts } of states) expect(attempts).toBe(0);
    expect(silent.hooks.length).toBeLessThanOrEqual(2);
  });
});

describe('beside dead receivers', () => {
  test('a receiver that answers is told within seconds: of the same tenant, and of another at the same origin', {
    timeout: 60_000,
  }, async () => {
    const bench = openBench();
    let isDead = true;
    const [dead, sound] = [await openReceiver(() => (isDead ? undefined : { status: 204 })), await openReceiver()];
    try {
      const { platform } = bench;
      for (const tenant of ['local', 'practice']) {
        await platform.access.allowWebhooks(tenant, dead.host);
        await platform.access.allowWebhooks(tenant, sound.host);
      }
      await bench.submit('told');
      await platform.jobs.update('told', (job) => ({ ...job, state: 'done' }));
      const hook = (id: string, tenant: string, { host }: Receiver) =>
        submit(platform, id, tenant, { kind: 'webhook', url: `http://${host}/`, job: 'told' });
      for (let i = 0; i < 50; i++) await hook(`dead ${i}`, 'local', dead);
      const turns = createWebhookTurns();
      // The receiver was silent for one tenant three times: it is paused.
      for (let i = 0; i < 3; i++) {
        const turn = turns.enter(`http://${dead.host}`, 'local');
        if (turn.kind === 'entered') turn.leave({ answered: false });
      }
      isDead = false;
      const started = performance.now();
      bench.work({ webhook: webhookHandler(platform, turns) }, { concurrency: 14, graceMs: 10 });
      await hook('other tenant', 'practice', dead);
      await hook('other origin', 'local', sound);
      await vi.waitFor(() => expect([dead.hooks.length, sound.hooks.length]).toEqual([1, 1]), { timeout: 10_000 });
      expect(performance.now() - started).toBeLessThan(10_000);
    } finally {
      await Promise.all([dead.close(), sound.close()]);
      await bench.close();
    }
  });

  test('a webhook that waits for its turn is delivered soon after it, not when its visibility of a minute is over', {
    timeout: 60_000,
  }, async () => {
    const bench = openBench();
    const receiver = await openReceiver();
    try {
      const { platform } = bench;
      await platform.access.allowWebhooks('local', receiver.host);
      await bench.submit('told');
      await platform.jobs.update('told', (job) => ({ ...job, state: 'done' }));
      const turns = createWebhookTurns();
      const turn = turns.enter(`http://${receiver.host}`, 'local');
      if (turn.kind === 'entered') turn.leave({ answered: true, notBeforeMs: 700.3 });
      await submit(platform, 'hook', 'local', { kind: 'webhook', url: `http://${receiver.host}/`, job: 'told' });
      bench.work({ webhook: webhookHandler(platform, turns) }, { visibilityMs: 60_000, graceMs: 10 });
      await vi.waitFor(() => expect(receiver.hooks).toHaveLength(1), { timeout: 20_000 });
    } finally {
      await receiver.close();
      await bench.close();
    }
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  test.each<[string | null, number]>([
    [null, 0],
    ['0', 0],
    [' 30 ', 30_000],
    ['86400', 3_600_000],
    ['9'.repeat(400), 3_600_000],
    ['Mon, 23 Nov 2026 12:00:10 GMT', 10_000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['soon', 0],
    ['-5', 0],
    ['1.5', 1500],
    ['0.0001', 1],
    ['2099.5', 2_099_500],
    ['1.2.3', 0],
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

  /** Makes a receiver prompt: it has answered at once. */
  const answered = ({ enter }: ReturnType<typeof open>, origin: string, tenant: string) =>
    enter(origin, tenant).leave({ answered: true });

  test('one at a time to a receiver that is not known yet, two per tenant, four in all', () => {
    const { turns, enter } = open();
    enter('a', 't');
    expect(turns.enter('a', 't').kind).toBe('full');
    enter('b', 't');
    expect(turns.enter('c', 't').kind).toBe('full');
    const first = enter('a', 'u');
    enter('b', 'u');
    expect(turns.enter('a', 'v').kind).toBe('full');
    first.leave({ answered: true });
    enter('a', 'v');
  });

  test('a receiver that answers promptly has two at a time, and waits for none that is slow, silent or new', () => {
    const opened = open();
    const { turns, enter, time } = opened;
    answered(opened, 'prompt', 't');
    for (const tenant of ['t', 'u']) for (const origin of ['silent', 'other']) enter(origin, tenant);
    expect(turns.enter('new', 'v').kind).toBe('full');
    const slow = enter('prompt', 't');
    enter('prompt', 't');
    expect(turns.enter('prompt', 't').kind).toBe('full');
    // An answer that takes long is an answer, but the receiver is not prompt any more.
    time.ms = 9000;
    slow.leave({ answered: true });
    expect(turns.enter('prompt', 't').kind).toBe('full');
  });

  test('a tenant whose receiver is silent does not close it for another tenant, nor another origin of its own', () => {
    const { turns, enter } = open();
    for (let i = 0; i < 3; i++) enter('https://a.example', 't').leave({ answered: false });
    expect(turns.enter('https://a.example', 't')).toEqual({ kind: 'closed', waitMs: 30_000 });
    enter('https://a.example', 'u').leave({ answered: true });
    enter('https://a.example:8443', 't').leave({ answered: true });
    expect(turns.enter('https://a.example', 't').kind).toBe('closed');
  });

  test('the pause that a receiver asks one tenant for is not the pause of another', () => {
    const { turns, enter } = open();
    enter('a', 't').leave({ answered: true, notBeforeMs: 60_000 });
    expect(turns.enter('a', 't')).toEqual({ kind: 'closed', waitMs: 60_000 });
    enter('a', 'u');
  });

  test('every wait is a whole number of milliseconds', () => {
    const { time, turns, enter } = open();
    time.ms = 1234.5678;
    enter('a', 't').leave({ answered: true, notBeforeMs: 1000.1 });
    time.ms += 0.123;
    const waits = [turns.enter('a', 't')];
    enter('b', 't');
    time.ms += 0.0077;
    waits.push(turns.enter('b', 't'));
    for (let i = 0; i < 3; i++) enter('c', 'u').leave({ answered: false });
    time.ms += 0.1;
    waits.push(turns.enter('c', 'u'));
    for (const wait of waits) {
      if (wait.kind === 'entered') throw new Error('it has to wait');
      expect(wait.waitMs).toBeGreaterThan(0);
      expect(Number.isInteger(wait.waitMs)).toBe(true);
    }
  });

  test('those that are put off come back one after the other, not all at once', () => {
    const { turns, enter } = open();
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
    expect(turns.enter('a', 't')).toEqual({ kind: 'closed', waitMs: 30_000 });
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
          expect(inside.length).toBeLessThanOrEqual(mostWebhooks);
          const ofTenant = inside.filter((one) => one.tenant === tenant);
          expect(ofTenant.length).toBeLessThanOrEqual(4);
          expect(ofTenant.filter((one) => one.host === host).length).toBeLessThanOrEqual(2);
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
