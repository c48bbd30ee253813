import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Engine } from '../../functions/inference/pool.ts';
import { film, openReal, slowToDecode } from '../support/real-engine.ts';

// With the real worker: what may not happen is that a deadline ends the process, which a stand-in cannot show.

/** Threads that were started since the test began. */
function threads() {
  let started = 0;
  const count = () => {
    started++;
  };
  process.on('worker', count);
  onTestFinished(() => void process.off('worker', count));
  return () => started;
}

let slow: Uint8Array;
beforeAll(async () => {
  slow = await slowToDecode();
});

/** The engine reads again, when its threads are warm and nothing is left over. */
async function readsAgain({ read, status }: Engine): Promise<void> {
  await vi.waitFor(() => expect(status()).toMatchObject({ waiting: 0, running: 0 }), { timeout: 30_000 });
  await vi.waitFor(async () => expect(await read(film('r256-int8'))).toMatchObject({ ok: true }), { timeout: 30_000 });
}

test('a deadline during inference is answered in time; the run ends by itself, and its thread goes on', async () => {
  const started = threads();
  const deadlineMs = 60_000;
  const engine = await openReal({ deadlineMs });
  let survived = 0;
  for (let i = 0; i < 40 && survived < 5; i++) {
    const found = await engine.read(film('r512-fp32'));
    if (!found.ok) throw new Error(found.fault.code);
    // As busy as the machine is just now, its deadline comes in the middle of inference, as a rule.
    const { total, infer } = found.value.reading.timingsMs;
    const before = started();
    // The engine answers 250 ms before the deadline.
    const accepted = performance.now() - (deadlineMs - 250) + total - infer / 2;
    const answer = await engine.read(film('r512-fp32'), undefined, accepted);
    if (answer.ok) continue;
    // It had most of its deadline behind it when it came: the engine is busy, and not the film slow.
    expect(answer.fault.code).toBe('queue_full');
    // Its place is taken until the run has ended.
    const { running } = engine.status();
    await vi.waitFor(() => expect(engine.status().running).toBe(0), { timeout: 20_000, interval: 5 });
    if (running === 1 && started() === before) survived++;
  }
  expect(survived).toBe(5);
  await readsAgain(engine);
});

test('a deadline while libvips decodes is answered in time, and the thread comes to its end', async () => {
  const started = threads();
  const engine = await openReal({ deadlineMs: 400 });
  const before = started();
  for (let i = 0; i < 3; i++) {
    expect(await engine.read(film('r256-int8', slow))).toMatchObject({
      ok: false,
      fault: { code: 'deadline_exceeded' },
    });
    await readsAgain(engine);
  }
  expect(started()).toBe(before);
});

test('a deadline that comes while a new thread loads models leaves the thread alone', async () => {
  const engine = await openReal({ deadlineMs: 400, workers: 2 });
  const busy = async () => {
    for (let i = 0; i < 8; i++) await engine.read(film('r512-fp32'));
  };
  await Promise.all([engine.read(film('r256-int8', slow)), busy(), busy(), busy()]);
  await readsAgain(engine);
});

test('under overload what is begun is finished in time; the rest is told when to come again', async () => {
  const engine = await openReal({ deadlineMs: 3000, workers: 2 });
  const answers: Promise<string>[] = [];
  // Four seconds of more than twice what two threads can read, on a machine with nothing else to do.
  for (let i = 0; i < 400; i++) {
    answers.push(engine.read(film('r512-fp32')).then((result) => (result.ok ? 'read' : result.fault.code)));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const counts = Object.groupBy(await Promise.all(answers), (answer) => answer);
  const count = (code: string) => counts[code]?.length ?? 0;
  expect(Object.keys(counts).sort().join()).toMatch(/^(deadline_exceeded,)?queue_full,read$/);
  expect(count('read')).toBeGreaterThan(10);
  expect(count('deadline_exceeded')).toBeLessThan(0.2 * count('read'));
  await readsAgain(engine);
});

test('an engine that is closed while a new thread loads models leaves the process alive', async () => {
  const engine = await openReal({ deadlineMs: 300 });
  await engine.read(film('r256-int8', slow));
  await engine.close();
});

test.each([300, 700, 900, 1100])('a process that exits %i ms after its start ends as it meant to', async (afterMs) => {
  const script = `
    const { createEngine } = await import('./functions/inference/pool.ts');
    const { openRouter, usualVariants } = await import('./functions/inference/router.ts');
    const { readConfig } = await import('./functions/platform/config.ts');
    const config = readConfig({});
    const router = openRouter(config);
    const warm = router.family.catalog.variants.map(({ id }) => id);
    createEngine({ ...config, family: router.family, warm, workers: 2 });
    setTimeout(() => process.exit(7), ${afterMs});`;
  const args = ['--input-type=module-typescript', '-e', script];
  await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({ code: 7, signal: null });
});
