import { expect, test } from 'vitest';
import type { Fault } from '../../functions/core/fault.ts';
import { fail, ok, type Result } from '../../functions/core/result.ts';
import { startPollLoop } from '../../functions/pacs/poll-loop.ts';
import { createLog } from '../../functions/platform/log.ts';

const silent = createLog('silent');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The log of a poll loop by level. */
function listening() {
  const told: string[] = [];
  const tell = (level: string) => (fields: unknown, text?: string) =>
    void told.push(`${level}: ${typeof fields === 'string' ? fields : text}`);
  const log = { ...silent, info: tell('info'), warn: tell('warn'), error: tell('error') } as unknown as typeof silent;
  return { log, told };
}

test('polls again at once when the last poll requests it', async () => {
  let polls = 0;
  const one = startPollLoop(
    async () => {
      polls++;
      return ok(5);
    },
    60_000,
    silent,
  );
  await pause(200);
  await one.close();
  expect(polls).toBeGreaterThan(5);
});

test('a notification polls at once; a notification during a poll causes another poll', async () => {
  let polls = 0;
  let finish: () => void = () => undefined;
  const one = startPollLoop(
    async () => {
      polls++;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      return ok(60_000);
    },
    60_000,
    silent,
  );
  await pause(5);
  one.pollNow();
  one.pollNow();
  finish();
  await pause(5);
  expect(polls).toBe(2);
  finish();
  await pause(20);
  expect(polls).toBe(2);
  one.pollNow();
  await pause(5);
  expect(polls).toBe(3);
  finish();
  await one.close();
});

test('an outage is logged once, and its end once', async () => {
  const { log, told } = listening();
  const down = fail<Fault>({ code: 'pacs_unavailable', problem: 'main is down' });
  const results: Result<number, Fault>[] = [ok(1), down, down, down, ok(1), ok(1), down, ok(60_000)];
  const one = startPollLoop(async () => results.shift() ?? ok(60_000), 1, log);
  await pause(100);
  await one.close();
  const outage = ['warn: a PACS cannot be polled; retrying', 'info: the PACS can be polled again'];
  expect(told).toEqual([...outage, ...outage]);
});

test('a poll that throws is logged without its message, and repeated', async () => {
  const { log, told } = listening();
  let polls = 0;
  const one = startPollLoop(
    async () => {
      if (polls++ === 0) throw new Error('about ALARA^TEST');
      return ok(60_000);
    },
    1,
    log,
  );
  await pause(50);
  await one.close();
  expect(polls).toBe(2);
  expect(told[0]).toBe('error: unexpected error while polling a PACS');
  expect(told.join()).not.toContain('ALARA^TEST');
});

test('closing waits for the running poll, and starts no other', async () => {
  let polls = 0;
  let isDone = false;
  const one = startPollLoop(
    async () => {
      polls++;
      await pause(50);
      isDone = true;
      return ok(0);
    },
    1,
    silent,
  );
  await pause(5);
  await one.close();
  expect(isDone).toBe(true);
  expect(polls).toBe(1);
});
