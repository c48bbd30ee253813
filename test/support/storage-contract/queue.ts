import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { Delivery, Queue } from '../../../functions/storage/queue.ts';
import type { Open } from './subject.ts';

/** Receive a delivery, which must exist. */
async function take(queue: Queue, visibilityMs: number, waitMs = 0): Promise<Delivery> {
  const delivery = await queue.receive({ visibilityMs, waitMs });
  if (!delivery) throw new Error('nothing was delivered');
  return delivery;
}

const long = 60_000;

export function queueContract(open: Open): void {
  test('delivers a sent message, to another process as well, and removes it', async () => {
    const { platform, another } = await open();
    await platform.queue.send('one – two');
    const { queue } = await another();
    expect(await queue.depth()).toEqual({ waiting: 1, inFlight: 0 });
    const delivery = await take(queue, long, 1000);
    expect(delivery).toMatchObject({ body: 'one – two', attempt: 1 });
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 1 });
    expect(await platform.queue.receive({ visibilityMs: long, waitMs: 0 })).toBeUndefined();
    await queue.remove(delivery.receipt);
    expect(await platform.queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
  });

  test('delivers at least once: a message that is not removed is delivered again with a higher count and another receipt', async () => {
    const { platform, tickMs } = await open();
    await platform.queue.send('a');
    const first = await take(platform.queue, tickMs, 1000);
    const second = await take(platform.queue, tickMs, 5 * tickMs);
    const third = await take(platform.queue, long, 5 * tickMs);
    expect([first, second, third].map(({ body, attempt }) => [body, attempt])).toEqual([
      ['a', 1],
      ['a', 2],
      ['a', 3],
    ]);
    expect(new Set([first, second, third].map(({ receipt }) => receipt)).size).toBe(3);
  });

  test('ignores an expired receipt of a message that another consumer holds', async () => {
    const { platform, tickMs } = await open();
    const { queue } = platform;
    await queue.send('a');
    const stale = await take(queue, tickMs, 1000);
    const held = await take(queue, long, 5 * tickMs);
    await queue.remove(stale.receipt);
    await queue.release(stale.receipt, 0);
    expect(await queue.extend(stale.receipt, tickMs)).toBe(false);
    // The message is still held, and not for the duration that the expired receipt requested.
    await delay(2 * tickMs);
    expect(await queue.receive({ visibilityMs: long, waitMs: 0 })).toBeUndefined();
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 1 });
    expect(await queue.extend(held.receipt, long)).toBe(true);
    await queue.remove(held.receipt);
    expect(await queue.extend(held.receipt, long)).toBe(false);
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
  });

  test('hides a message from other consumers as long as it is extended', async () => {
    const { platform, another, tickMs } = await open();
    const other = await another();
    await platform.queue.send('a');
    const { receipt } = await take(platform.queue, 2 * tickMs, 1000);
    for (let i = 0; i < 4; i++) {
      await delay(tickMs);
      expect(await platform.queue.extend(receipt, 2 * tickMs)).toBe(true);
      expect(await other.queue.receive({ visibilityMs: long, waitMs: 0 })).toBeUndefined();
    }
    expect((await take(other.queue, long, 10 * tickMs)).attempt).toBe(2);
  });

  test('delivers a released message after its delay and not before', async () => {
    const { platform, tickMs } = await open();
    const { queue } = platform;
    await queue.send('a');
    const { receipt } = await take(queue, long, 1000);
    await queue.release(receipt, 3 * tickMs);
    const released = performance.now();
    expect(await queue.depth()).toEqual({ waiting: 1, inFlight: 0 });
    expect(await queue.receive({ visibilityMs: long, waitMs: 0 })).toBeUndefined();
    expect((await take(queue, long, 10 * tickMs)).attempt).toBe(2);
    expect(performance.now() - released).toBeGreaterThan(2 * tickMs);
  });

  test('delivers a message with a delay after the delay and not before', async () => {
    const { platform, tickMs } = await open();
    await platform.queue.send('later', 3 * tickMs);
    const sent = performance.now();
    await platform.queue.send('now');
    expect((await take(platform.queue, long, 1000)).body).toBe('now');
    expect((await take(platform.queue, long, 10 * tickMs)).body).toBe('later');
    expect(performance.now() - sent).toBeGreaterThan(2 * tickMs);
  });

  test('accepts fractional milliseconds in sending, receiving, extending and releasing', async () => {
    const { platform, tickMs } = await open();
    const { queue } = platform;
    await queue.send('a', 0.25);
    const { receipt } = await take(queue, long + 0.5, 2000);
    expect(await queue.extend(receipt, long + 1 / 3)).toBe(true);
    await queue.release(receipt, tickMs / 7);
    expect(await take(queue, long, 10 * tickMs)).toMatchObject({ body: 'a', attempt: 2 });
  });

  test('gives a message to one consumer at a time, and every message to one consumer', async () => {
    const { platform, another } = await open();
    const queues = [platform.queue, (await another()).queue, (await another()).queue];
    const bodies = Array.from({ length: 60 }, (_, i) => `m${i}`);
    for (const body of bodies) await platform.queue.send(body);
    const held = new Set<string>();
    const delivered: string[] = [];
    const consume = async (queue: Queue) => {
      for (;;) {
        const delivery = await queue.receive({ visibilityMs: long, waitMs: 200 });
        // A slow store may return nothing within the wait although messages are left.
        if (!delivery && delivered.length < bodies.length) continue;
        if (!delivery) return;
        expect(held.has(delivery.body)).toBe(false);
        held.add(delivery.body);
        await delay(Math.random() * 4);
        delivered.push(delivery.body);
        held.delete(delivery.body);
        await queue.remove(delivery.receipt);
      }
    };
    await Promise.all([...queues, ...queues].map(consume));
    expect(delivered.toSorted()).toEqual(bodies.toSorted());
    // A slow store may count a removed message for a moment.
    await vi.waitFor(async () => expect(await platform.queue.depth()).toEqual({ waiting: 0, inFlight: 0 }));
  });

  test('waits for the given time, and no longer', async () => {
    const { queue } = (await open()).platform;
    const start = performance.now();
    expect(await queue.receive({ visibilityMs: long, waitMs: 1000 })).toBeUndefined();
    expect(performance.now() - start).toBeGreaterThan(900);
    expect(performance.now() - start).toBeLessThan(3000);
  });

  test('ends a wait as soon as a message is sent, by this process or by another', async () => {
    const { platform, another } = await open();
    const other = await another();
    for (const sender of [platform, other]) {
      const start = performance.now();
      const received = take(platform.queue, long, 10_000);
      await delay(50);
      await sender.queue.send('a');
      await platform.queue.remove((await received).receipt);
      expect(performance.now() - start).toBeLessThan(2000);
    }
  });

  test('ends an aborted wait without receiving a message', async () => {
    const { queue } = (await open()).platform;
    const abort = new AbortController();
    const start = performance.now();
    const received = queue.receive({ visibilityMs: long, waitMs: 20_000, signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    expect(await received).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(2000);
    await queue.send('a');
    expect(await queue.receive({ visibilityMs: long, waitMs: 1000, signal: abort.signal })).toBeUndefined();
    expect((await take(queue, long, 1000)).attempt).toBe(1);
  });
}
