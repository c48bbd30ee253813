import { afterEach, expect, test, vi } from 'vitest';
import { uploadedBlob } from '../../../functions/api/routes/uploads.ts';
import type { Queue } from '../../../functions/storage/queue.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';

// Law: if the clock is set back by s seconds, no operation is delayed by more than s seconds, and no message by more than two
// hours. Waits within one process use the monotonic clock, which is never set.

afterEach(() => vi.restoreAllMocks());

const setBack = (ms: number) =>
  vi.spyOn(Date, 'now').mockImplementation(() => Math.floor(performance.timeOrigin + performance.now()) - ms);

/** The time until the next message arrives. */
async function delivered(queue: Queue): Promise<number> {
  const started = performance.now();
  const delivery = await queue.receive({ visibilityMs: 60_000, waitMs: 30_000 });
  expect(delivery).toBeDefined();
  return performance.now() - started;
}

const stepMs = 1500;

test.each<[string, (queue: Queue) => Promise<unknown>, number]>([
  ['that was sent', (queue) => queue.send('a'), 0],
  ['that was sent with a delay', (queue) => queue.send('a', 500), 500],
  [
    'that was released with a delay',
    async (queue) => {
      await queue.send('a');
      const delivery = await queue.receive({ visibilityMs: 60_000, waitMs: 1000 });
      await queue.release(delivery?.receipt ?? '', 500);
    },
    500,
  ],
  [
    'whose process died with it',
    async (queue) => {
      await queue.send('a');
      await queue.receive({ visibilityMs: 500, waitMs: 1000 });
    },
    500,
  ],
])('a message %s is delayed by at most the step of the clock', async (_, prepare, usualMs) => {
  await using(emptyFolder(), async ({ queue }) => {
    await prepare(queue);
    setBack(stepMs);
    // The bound is wide for a busy machine. A delay by a second visibility timeout would be a minute.
    expect(await delivered(queue)).toBeLessThan(usualMs + stepMs + 10_000);
  });
});

test('a clock that was a year ahead delays no message by a year after its correction', async () => {
  await using(emptyFolder(), async ({ queue }) => {
    setBack(-365 * 86_400_000);
    await queue.send('a');
    vi.restoreAllMocks();
    expect(await delivered(queue)).toBeLessThan(10_000);
  });
});

test('a delivery that is held during a step of the clock stays with its holder', async () => {
  await using(emptyFolder(), async ({ queue }) => {
    await queue.send('a');
    const { receipt = '' } = (await queue.receive({ visibilityMs: 60_000, waitMs: 1000 })) ?? {};
    setBack(600_000);
    expect(await queue.receive({ visibilityMs: 60_000, waitMs: 0 })).toBeUndefined();
    expect(await queue.extend(receipt, 60_000)).toBe(true);
    await queue.remove(receipt);
    expect(await queue.depth()).toEqual({ waiting: 0, inFlight: 0 });
  });
});

test('an upload that began before the clock was set back stays usable', () => {
  const id = `up_${Date.now().toString(36)}_${'0'.repeat(32)}`;
  setBack(3_600_000);
  expect(uploadedBlob('t', id)).toContain(id);
  setBack(-25 * 3_600_000);
  expect(() => uploadedBlob('t', id)).toThrow('upload_not_found');
});
