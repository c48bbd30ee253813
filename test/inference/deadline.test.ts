import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import type { Engine } from '../../functions/inference/pool.ts';
import { film, openReal, slowToDecode } from '../support/real-engine.ts';

// With real threads: a deadline must not end the process, and a mock cannot show this.

/** Threads that were started since the beginning of the test. */
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

/** The engine reads again when its threads are warm and idle. */
async function readsAgain({ read, status }: Engine): Promise<void> {
  await vi.waitFor(() => expect(status()).toMatchObject({ waiting: 0, running: 0 }), { timeout: 60_000 });
  await vi.waitFor(async () => expect(await read(film('r256-int8'))).toMatchObject({ ok: true }), { timeout: 60_000 });
}

test('a deadline during inference is answered in time; the run finishes, and its thread continues', async () => {
  const started = threads();
  const deadlineMs = 60_000;
  const engine = await openReal({ deadlineMs });
  let survived = 0;
  for (let i = 0; i < 40 && survived < 5; i++) {
    const found = await engine.read(film('r512-fp32'));
    if (!found.ok) throw new Error(found.fault.code);
    // The deadline is scaled to the load of the machine, so that it usually falls into inference.
    const { total, infer } = found.value.reading.timingsMs;
    const before = started();
    // The engine answers 250 ms before the deadline.
    const accepted = performance.now() - (deadlineMs - 250) + total - infer / 2;
    const answer = await engine.read(film('r512-fp32'), undefined, accepted);
    if (answer.ok) continue;
    // Most of the deadline had passed when the film arrived: the engine is busy, and the film is not slow.
    expect(answer.fault.code).toBe('queue_full');
    // The place of the film is occupied until the run has finished.
    const { running } = engine.status();
    await vi.waitFor(() => expect(engine.status().running).toBe(0), { timeout: 60_000, interval: 5 });
    if (running === 1 && started() === before) survived++;
  }
  expect(survived).toBe(5);
  await readsAgain(engine);
});

test('a deadline during decoding by libvips is answered in time, and the thread ends', async () => {
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

test('a deadline during model loading of a new thread leaves the thread alive', async () => {
  const engine = await openReal({ deadlineMs: 400, workers: 2 });
  const busy = async () => {
    for (let i = 0; i < 8; i++) await engine.read(film('r512-fp32'));
  };
  await Promise.all([engine.read(film('r256-int8', slow)), busy(), busy(), busy()]);
  await readsAgain(engine);
});

test('under overload every started film is finished in time; the others get Retry-After', async () => {
  const engine = await openReal({ deadlineMs: 3000, workers: 2 });
  const answers: Promise<string>[] = [];
  // Four seconds at more than twice the rate of two threads on an idle machine.
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

test('closing the engine during model loading of a new thread leaves the process alive', async () => {
  const engine = await openReal({ deadlineMs: 300 });
  await engine.read(film('r256-int8', slow));
  await engine.close();
});

test.each([300, 700, 900, 1100])('a process that exits %i ms after its start exits cleanly', async (afterMs) => {
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
  await expect(promisify(execFile)(process.execPath, args)).rejects.toMatchObject({
    code: 7,
    signal: null,
    stderr: '',
  });
});
