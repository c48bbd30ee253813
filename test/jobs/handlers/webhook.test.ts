import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ok } from '../../../functions/core/result.ts';
import { retryAfterMs, webhookHandler } from '../../../functions/jobs/handlers/webhook.ts';
import { createWebhookLimits } from '../../../functions/jobs/handlers/webhook-limits.ts';
import { submit } from '../../../functions/jobs/submit.ts';
import { type Bench, openBench } from '../../support/job-bench.ts';
import { openReceiver, type Receiver } from '../../support/webhook-receiver.ts';

describe('with a receiver that accepts the connection and never answers', () => {
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

  test('a film and the webhook of another tenant wait seconds for 300 webhooks, not minutes', {
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
    // The number of lanes on two processors.
    const webhook = webhookHandler(platform, createWebhookLimits());
    bench.work({ film: async () => ok([]), webhook }, { concurrency: 10, graceMs: 10 });
    await vi.waitFor(async () => expect((await platform.jobs.get('film'))?.state).toBe('done'), { timeout: 60_000 });
    expect(performance.now() - started).toBeLessThan(20_000);
    await vi.waitFor(() => expect(sound.hooks).toHaveLength(1), { timeout: 60_000 });
    // A webhook that waits for its turn has lost no attempt.
    const states = await platform.jobs.list({ state: 'queued', limit: 999 });
    expect(states.length).toBeGreaterThan(290);
    for (const { attempts } of states) expect(attempts).toBe(0);
    expect(silent.hooks.length).toBeLessThanOrEqual(2);
  });
});

test('a receiver that refuses the connection is named in words, with the code of the error as the cause', async () => {
  const bench = openBench();
  const closed = await openReceiver();
  await closed.close();
  const { platform } = bench;
  try {
    await platform.access.allowWebhooks('local', closed.host);
    await bench.submit('ended');
    await platform.jobs.update('ended', (job) => ({ ...job, state: 'done' }));
    await submit(platform, 'hook', 'local', { kind: 'webhook', url: `http://${closed.host}/`, job: 'ended' });
    bench.work({ webhook: webhookHandler(platform, createWebhookLimits()) });
    await vi.waitFor(async () => expect((await platform.jobs.get('hook'))?.fault).toBeDefined(), { timeout: 30_000 });
    expect((await platform.jobs.get('hook'))?.fault).toEqual({
      code: 'webhook_failed',
      problem: 'the receiver refused the connection',
      cause: 'ECONNREFUSED',
    });
  } finally {
    await bench.close();
  }
});

describe('with dead receivers', () => {
  test('a receiver that answers is notified within seconds, for the same tenant and for another tenant at the same origin', {
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
      const limits = createWebhookLimits();
      // The receiver was silent for one tenant three times, so it is paused.
      for (let i = 0; i < 3; i++) {
        const admission = limits.admit(`http://${dead.host}`, 'local');
        if (admission.kind === 'admitted') admission.release({ answered: false });
      }
      isDead = false;
      const started = performance.now();
      bench.work({ webhook: webhookHandler(platform, limits) }, { concurrency: 14, graceMs: 10 });
      await hook('other tenant', 'practice', dead);
      await hook('other origin', 'local', sound);
      await vi.waitFor(() => expect([dead.hooks.length, sound.hooks.length]).toEqual([1, 1]), { timeout: 60_000 });
      expect(performance.now() - started).toBeLessThan(10_000);
      // A webhook to a paused receiver was not sent, so it has lost no attempt.
      for (let i = 0; i < 50; i++) expect((await platform.jobs.get(`dead ${i}`))?.attempts).toBe(0);
    } finally {
      await Promise.all([dead.close(), sound.close()]);
      await bench.close();
    }
  });

  test('a webhook is delivered soon after its turn, not after its visibility timeout of a minute', {
    timeout: 60_000,
  }, async () => {
    const bench = openBench();
    const receiver = await openReceiver();
    try {
      const { platform } = bench;
      await platform.access.allowWebhooks('local', receiver.host);
      await bench.submit('told');
      await platform.jobs.update('told', (job) => ({ ...job, state: 'done' }));
      const limits = createWebhookLimits();
      const admission = limits.admit(`http://${receiver.host}`, 'local');
      if (admission.kind === 'admitted') admission.release({ answered: true, notBeforeMs: 700.3 });
      await submit(platform, 'hook', 'local', { kind: 'webhook', url: `http://${receiver.host}/`, job: 'told' });
      bench.work({ webhook: webhookHandler(platform, limits) }, { visibilityMs: 60_000, graceMs: 10 });
      await vi.waitFor(() => expect(receiver.hooks).toHaveLength(1), { timeout: 60_000 });
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
