import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault, FaultCode } from '../../functions/core/fault.ts';
import { advice } from '../../functions/core/fault-status.ts';
import { fail, ok } from '../../functions/core/result.ts';
import { ms } from '../../functions/core/units.ts';
import { nextState, pauseMs, usualRetry } from '../../functions/jobs/retry.ts';

const codes = Object.keys(advice) as FaultCode[];
const faultOf = (code: FaultCode) => ({ code }) as Fault;
const attempts = fc.integer({ min: 1, max: 2000 });
const random = fc.double({ min: 0, max: 1, noNaN: true });

describe('the outcome of a job', () => {
  test('a fault of the caller ends the job at once, a fault of the service never on the first attempt', () => {
    for (const code of codes) {
      const next = nextState({ attempts: 1 }, fail(faultOf(code)), usualRetry, () => 0.5);
      if (advice[code].status < 500 && code !== 'memory_exceeded')
        expect(next, code).toMatchObject({ kind: 'ended', state: 'failed' });
      else expect(next, code).toMatchObject({ kind: 'retry' });
    }
  });

  test('every job ends after any sequence of failures', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...codes), { minLength: 1, maxLength: 5 }), random, (cycle, at) => {
        let job: { attempts: number; fault?: Fault | undefined } = { attempts: 0 };
        for (let i = 0; i < 10_000; i++) {
          const fault = faultOf(cycle[i % cycle.length] ?? 'internal');
          const next = nextState({ ...job, attempts: job.attempts + 1 }, fail(fault), usualRetry, () => at);
          if (next.kind === 'ended') return next.state !== 'done';
          job = { attempts: next.attempts, fault: next.fault };
        }
        // An outage and another fault in alternation restart the count each time, because each means that the other is over.
        return new Set(cycle.map((code) => ['pacs_unavailable', 'webhook_failed'].includes(code))).size === 2;
      }),
    );
  });

  test('an attempt that found the service busy is not counted, and waits for Retry-After', () => {
    const fault: Fault = { code: 'queue_full', retryAfterMs: ms(1234) };
    expect(nextState({ attempts: 8 }, fail(fault), usualRetry, () => 0)).toMatchObject({
      kind: 'retry',
      delayMs: 1234,
      attempts: 7,
    });
  });

  test('busy for a day is a failure: no job is postponed for ever', () => {
    const fault: Fault = { code: 'queue_full', retryAfterMs: ms(1000) };
    const hoursLater = (hours: number, busySince?: string) =>
      nextState(
        { attempts: 1, ...(busySince && { busySince }) },
        fail(fault),
        usualRetry,
        () => 0,
        new Date(hours * 3_600_000),
      );
    const since = new Date(0).toISOString();
    expect(hoursLater(0)).toMatchObject({ kind: 'retry', attempts: 0, busySince: since });
    expect(hoursLater(23.9, since)).toMatchObject({ kind: 'retry', busySince: since });
    expect(hoursLater(24.1, since)).toEqual({ kind: 'ended', state: 'dead', fault });
  });

  test('a film that exceeds its time or memory twice is given up, but not if the engine was busy', () => {
    const late: Fault = { code: 'deadline_exceeded', deadlineMs: ms(30_000) };
    const busy: Fault = { code: 'queue_full', retryAfterMs: ms(1000) };
    const second = (before: Fault | undefined, fault: Fault) =>
      nextState({ attempts: 2, ...(before && { fault: before }) }, fail(fault), usualRetry, () => 0);
    expect(second(undefined, late)).toMatchObject({ kind: 'retry' });
    expect(second(late, late)).toEqual({ kind: 'ended', state: 'dead', fault: late });
    const large: Fault = { code: 'memory_exceeded', limitBytes: 1e9 };
    expect(second(undefined, large)).toMatchObject({ kind: 'retry' });
    expect(second(late, large)).toEqual({ kind: 'ended', state: 'dead', fault: large });
    expect(second(late, busy)).toMatchObject({ kind: 'retry', attempts: 1 });
  });

  test('a fault of the service has eight attempts; a PACS that is down is tried for much longer', () => {
    const state = (code: FaultCode, tries: number) =>
      nextState({ attempts: tries, fault: faultOf(code) }, fail(faultOf(code)), usualRetry, () => 0);
    expect(state('inference_failed', 7)).toMatchObject({ kind: 'retry' });
    expect(state('inference_failed', 8)).toMatchObject({ kind: 'ended', state: 'dead' });
    expect(state('pacs_unavailable', 499)).toMatchObject({ kind: 'retry' });
    expect(state('pacs_unavailable', 500)).toMatchObject({ kind: 'ended', state: 'dead' });
  });

  test('a PACS that refuses all requests is tried as long as a PACS that is down, but not a PACS that refuses one object', () => {
    const refused = (fault: Fault, tries: number) =>
      nextState({ attempts: tries, fault }, fail(fault), usualRetry, () => 0).kind;
    const fault: Fault = { code: 'pacs_refused', problem: 'main answered 401' };
    expect(refused({ ...fault, setup: true }, 499)).toBe('retry');
    expect(refused(fault, 8)).toBe('ended');
  });

  test('a failure after an outage has all its attempts', () => {
    const after = { attempts: 200, fault: faultOf('pacs_unavailable') };
    expect(nextState(after, fail(faultOf('inference_failed')), usualRetry, () => 0)).toMatchObject({
      kind: 'retry',
      attempts: 1,
    });
  });

  test('Retry-After has priority over the pause', () => {
    const fault: Fault = { code: 'webhook_failed', problem: '503', waitMs: ms(60_000) };
    expect(nextState({ attempts: 1 }, fail(fault), usualRetry, () => 0)).toMatchObject({
      kind: 'retry',
      delayMs: 60_000,
    });
    expect(nextState({ attempts: 1 }, fail(fault), usualRetry, () => 1)).toMatchObject({
      kind: 'retry',
      delayMs: 61_000,
    });
  });

  test('success ends the job with its outcomes', () => {
    expect(nextState({ attempts: 3 }, ok([{ reading: 'rd_1' }]), usualRetry, () => 0)).toEqual({
      kind: 'ended',
      state: 'done',
      outcomes: [{ reading: 'rd_1' }],
    });
  });
});

describe('the pause', () => {
  test('is random below a bound that doubles up to five minutes', () => {
    fc.assert(
      fc.property(attempts, random, (tries, at) => {
        const pause = pauseMs(tries, usualRetry, () => at);
        const bound = Math.min(300_000, 1000 * 2 ** (tries - 1));
        return pause >= 0 && pause <= bound && Math.abs(pause - at * bound) <= 0.5;
      }),
    );
  });
});
