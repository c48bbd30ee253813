import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../functions/api/app.ts';
import { redactedError } from '../../functions/core/errors.ts';
import { createEngine } from '../../functions/inference/pool.ts';
import { createBudget } from '../../functions/platform/memory-budget.ts';
import { pngSignature } from '../support/obedient-thread.ts';
import { openService, post, type Service } from '../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service?.close());

/** The API with threads that do what a film says, and the lines of its log. */
function broken() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const engine = createEngine({
    ...{
      plan: service.router.plan,
      family: service.router.family,
      device: 'cpu',
      threads: 1,
      warm: [],
      workers: 1,
      queue: 1,
      deadlineMs: 10_000,
    },
    threadFile: new URL('../support/obedient-thread.ts', import.meta.url).href,
    failed: (error) => log.error({ event: 'worker_failed', error: redactedError(error) }),
  });
  const { router, platform } = service;
  const app = createApp({
    ...{
      router,
      engine,
      platform,
      budget: createBudget(1e9),
      log,
      pacs: { namesOf: () => [], stowOf: () => undefined, pollNow: () => undefined },
    },
    ...{ authRequired: false, corsOrigins: [], maxBodyBytes: 1e6, maxUploadBytes: 1e6, device: 'cpu' },
  });
  return { app, engine, lines };
}

test.each([
  ['throw', 'the thread stopped: Error'],
  ['exit', 'the thread stopped: worker exited with code: 3'],
])('the log of a 500 names the cause and nothing of the film: the thread %ss', async (order, problem) => {
  const { app, engine, lines } = broken();
  const png = Buffer.from(`${pngSignature}${order} DOE^JANE`, 'latin1');
  const response = await post(app, '', new Uint8Array(png));
  expect(response.status).toBe(500);
  const { requestId } = (await response.json()) as { requestId: string };
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, requestId, code: 'inference_failed', problem }));
  expect(lines).toContainEqual(expect.objectContaining({ event: 'worker_failed', error: expect.anything() }));
  expect(JSON.stringify(lines)).not.toMatch(/DOE|told to/);
  await engine.close();
});
