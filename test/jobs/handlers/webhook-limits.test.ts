import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWebhookLimits, maxWebhooks } from '../../../functions/jobs/handlers/webhook-limits.ts';

describe('the limits of webhooks', () => {
  const open = () => {
    const time = { ms: 0 };
    const limits = createWebhookLimits(() => time.ms);
    const admit = (host = 'a', tenant = 't') => {
      const admission = limits.admit(host, tenant);
      if (admission.kind !== 'admitted') throw new Error(`it is ${admission.kind}`);
      return admission;
    };
    return { time, limits, admit };
  };

  /** Make a receiver prompt: it has answered at once. */
  const answered = ({ admit }: ReturnType<typeof open>, origin: string, tenant: string) =>
    admit(origin, tenant).release({ answered: true });

  test('allow one webhook at a time to an unknown receiver, two per tenant, four in total', () => {
    const { limits, admit } = open();
    admit('a', 't');
    expect(limits.admit('a', 't').kind).toBe('full');
    admit('b', 't');
    expect(limits.admit('c', 't').kind).toBe('full');
    const first = admit('a', 'u');
    admit('b', 'u');
    expect(limits.admit('a', 'v').kind).toBe('full');
    first.release({ answered: true });
    admit('a', 'v');
  });

  test('allow two at a time to a prompt receiver, which waits for no slow, silent or unknown receiver', () => {
    const opened = open();
    const { limits, admit, time } = opened;
    answered(opened, 'prompt', 't');
    for (const tenant of ['t', 'u']) for (const origin of ['silent', 'other']) admit(origin, tenant);
    expect(limits.admit('new', 'v').kind).toBe('full');
    const slow = admit('prompt', 't');
    admit('prompt', 't');
    expect(limits.admit('prompt', 't').kind).toBe('full');
    // A slow answer is an answer, but the receiver is no longer prompt.
    time.ms = 9000;
    slow.release({ answered: true });
    expect(limits.admit('prompt', 't').kind).toBe('full');
  });

  test('a silent receiver is paused for one tenant only, and pauses no other origin of this tenant', () => {
    const { limits, admit } = open();
    for (let i = 0; i < 3; i++) admit('https://a.example', 't').release({ answered: false });
    expect(limits.admit('https://a.example', 't')).toEqual({ kind: 'closed', waitMs: 30_000 });
    admit('https://a.example', 'u').release({ answered: true });
    admit('https://a.example:8443', 't').release({ answered: true });
    expect(limits.admit('https://a.example', 't').kind).toBe('closed');
  });

  test('a Retry-After for one tenant does not pause another tenant', () => {
    const { limits, admit } = open();
    admit('a', 't').release({ answered: true, notBeforeMs: 60_000 });
    expect(limits.admit('a', 't')).toEqual({ kind: 'closed', waitMs: 60_000 });
    admit('a', 'u');
  });

  test('every wait is a whole number of milliseconds', () => {
    const { time, limits, admit } = open();
    time.ms = 1234.5678;
    admit('a', 't').release({ answered: true, notBeforeMs: 1000.1 });
    time.ms += 0.123;
    const waits = [limits.admit('a', 't')];
    admit('b', 't');
    time.ms += 0.0077;
    waits.push(limits.admit('b', 't'));
    for (let i = 0; i < 3; i++) admit('c', 'u').release({ answered: false });
    time.ms += 0.1;
    waits.push(limits.admit('c', 'u'));
    for (const wait of waits) {
      if (wait.kind === 'admitted') throw new Error('it has to wait');
      expect(wait.waitMs).toBeGreaterThan(0);
      expect(Number.isInteger(wait.waitMs)).toBe(true);
    }
  });

  test('postponed webhooks return one after the other, not all at once', () => {
    const { limits, admit } = open();
    admit();
    const waits = Array.from({ length: 100 }, () => limits.admit('a', 't')).map((put) =>
      put.kind === 'full' ? put.waitMs : 0,
    );
    expect(new Set(waits).size).toBe(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(300_000);
    for (let i = 0; i < 10_000; i++) limits.admit('a', 't');
    expect(limits.admit('a', 't')).toEqual({ kind: 'full', waitMs: 300_000 });
  });

  test('a silent host is paused, then tried with one webhook at a time, with growing pauses', () => {
    const { time, limits, admit } = open();
    const fail = () => admit().release({ answered: false });
    for (let i = 0; i < 3; i++) fail();
    expect(limits.admit('a', 't')).toEqual({ kind: 'closed', waitMs: 30_000 });
    admit('b').release({ answered: true });
    time.ms = 30_000;
    const trying = admit();
    expect(limits.admit('a', 't').kind).toBe('closed');
    trying.release({ answered: false });
    expect(limits.admit('a', 't')).toEqual({ kind: 'closed', waitMs: 60_000 });
    for (let i = 0; i < 20; i++) {
      time.ms += 600_000;
      fail();
    }
    expect(limits.admit('a', 't')).toEqual({ kind: 'closed', waitMs: 60_000 });
    time.ms += 600_000;
    admit().release({ answered: true });
    admit();
    admit();
  });

  test('a host with Retry-After is paused for this time', () => {
    const { time, limits, admit } = open();
    admit().release({ answered: true, notBeforeMs: 5000 });
    expect(limits.admit('a', 't')).toEqual({ kind: 'closed', waitMs: 5000 });
    time.ms = 5000;
    admit();
  });

  test('for any results, the limits hold, and no webhook is blocked for ever', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.record({ host: name, tenant: name, leaves: fc.nat({ max: 3 }), answered: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { time, limits, admit } = open();
        const inside: { host: string; tenant: string; release: ReturnType<typeof admit>['release'] }[] = [];
        for (const { host, tenant, leaves, answered } of steps) {
          const admission = limits.admit(host, tenant);
          if (admission.kind === 'admitted') inside.push({ host, tenant, release: admission.release });
          expect(inside.length).toBeLessThanOrEqual(maxWebhooks);
          const ofTenant = inside.filter((one) => one.tenant === tenant);
          expect(ofTenant.length).toBeLessThanOrEqual(4);
          expect(ofTenant.filter((one) => one.host === host).length).toBeLessThanOrEqual(2);
          for (const one of inside.splice(0, leaves)) one.release(answered ? { answered: true } : { answered: false });
          time.ms += 1000;
        }
        for (const one of inside) one.release({ answered: false });
        time.ms += 600_000;
        for (const host of ['a', 'b', 'c']) admit(host).release({ answered: true });
      }),
    );
  });
});
