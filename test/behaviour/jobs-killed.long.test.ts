import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { fail, ok } from '../../functions/core/result.ts';
import { createHandlers } from '../../functions/jobs/handlers.ts';
import { startRunner } from '../../functions/jobs/runner.ts';
import { createLog } from '../../functions/platform/log.ts';
import { createBudget } from '../../functions/platform/memory-budget.ts';
import { openBench } from '../support/job-bench.ts';
import { film, openService, resolved, type Service } from '../support/service.ts';
import { openReceiver, type Receiver } from '../support/webhook-receiver.ts';

/** The API without a runner: this file runs the jobs. */
let service: Service;
let receiver: Receiver;
beforeAll(async () => {
  service = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
  receiver = await openReceiver();
  await service.platform.access.allowWebhooks('local', receiver.host);
});
afterAll(async () => {
  await receiver?.close();
  await service?.close();
});

/** Run a runner that dies at its nth call, or at the first call of a step. Returns the step, or '' if the runner finished. */
function dieAt(call: number | string): Promise<string> {
  const child = spawn(process.execPath, ['test/support/mortal.ts', String(call)], {
    env: { ...process.env, ALARA_DATA: service.data, ALARA_WORKERS: '1', ALARA_LOG: 'silent' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let where = '';
  child.stdout.on('data', (chunk) => {
    where += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(where);
      else if (code === 0) resolve('');
      else reject(new Error(`the runner ended with ${code ?? signal}`));
    });
  });
}

async function submit(n: number): Promise<string> {
  const { id, url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
  const bytes = new Uint8Array(Buffer.concat([film('00000442_000.png'), Buffer.of(n)]));
  expect((await service.app.request(resolved(url, '/v1/uploads'), { method: 'PUT', body: bytes })).status).toBe(204);
  const answer = await service.app.request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ upload: id, findings: 'Mass', webhook: `http://${receiver.host}/${n}` }),
  });
  expect(answer.status).toBe(202);
  return (await answer.json()).id;
}

/** Process jobs until the queue is empty. */
async function finish(): Promise<void> {
  const { router, engine, platform } = service;
  const nowhere = async () => fail({ code: 'unknown_pacs', pacs: '', known: [] } as const);
  const runner = startRunner({
    ...{ platform, concurrency: 2, retentionMs: 86_400_000, visibilityMs: 700, log: createLog('silent') },
    handlers: createHandlers(
      { router, engine, platform, budget: createBudget(1e9) },
      { requestOf: () => undefined, storeResults: nowhere, study: nowhere },
    ),
  });
  await vi.waitFor(async () => expect(await platform.queue.depth()).toEqual({ waiting: 0, inFlight: 0 }), {
    timeout: 60_000,
  });
  await runner.stop();
}

test('a job finishes with one reading and one webhook, at whatever step its runner is killed', {
  timeout: 240_000,
}, async () => {
  let submitted = 0;
  /** Submit a job, kill its runner, and process the job to its end. Returns the call before which the runner died. */
  const killAt = async (call: number | string) => {
    const n = ++submitted;
    const job = await submit(n);
    const where = await dieAt(call);
    if (where !== '') await finish();
    const shown = await (await service.app.request(`/v1/jobs/${job}`)).json();
    expect(shown, `killed before ${where}`).toMatchObject({
      state: 'done',
      outcomes: [{ reading: expect.any(String) }],
    });
    const delivered = receiver.hooks.filter(({ path }) => path === `/${n}`);
    expect(delivered.length, `killed before ${where}`).toBeGreaterThan(0);
    expect(new Set(delivered.map(({ headers }) => headers['webhook-id'])).size, `killed before ${where}`).toBe(1);
    // Only the upload is left, for a day.
    expect(readdirSync(join(service.data, 'blobs')), `killed before ${where}`).toHaveLength(n);
    return where;
  };

  const died: string[] = [];
  for (let where = await killAt(1); where !== ''; where = await killAt(died.length + 1)) died.push(where);
  expect(died.length).toBeGreaterThan(10);
  // On a busy machine a message is delivered again, and the calls have another order: kill at the missing steps by name.
  const steps = ['jobs.update', 'blobs.get', 'readings.put', 'platform.enqueue', 'blobs.remove', 'queue.remove'];
  for (const step of steps.filter((each) => !died.includes(each))) expect(await killAt(step)).toBe(step);
  const db = new DatabaseSync(join(service.data, 'alara.sqlite'), { readOnly: true });
  expect(db.prepare('SELECT count(*) AS n FROM readings').get()?.['n']).toBe(submitted);
  db.close();
});

test('a job that kills each of its runners is given up, and other jobs are processed', {
  timeout: 60_000,
}, async () => {
  const bench = openBench();
  try {
    await bench.submit('poison');
    const suicidal = () =>
      new Promise<void>((resolve) => {
        const code = `
          import { openEmbedded } from './functions/storage/sqlite/open-sqlite.ts';
          import { startRunner } from './functions/jobs/runner.ts';
          import { createLog } from './functions/platform/log.ts';
          const kill = () => process.kill(process.pid, 'SIGKILL');
          const handlers = { film: kill, instances: kill, study: kill, webhook: kill };
          startRunner({ platform: openEmbedded(process.env.DATA), handlers, concurrency: 1, retentionMs: 1e9,
            visibilityMs: 200, retry: { tries: 3 }, log: createLog('silent') });`;
        const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
          env: { ...process.env, DATA: bench.data },
          stdio: 'ignore',
        });
        child.once('close', () => resolve());
      });
    for (let i = 0; i < 3; i++) await suicidal();
    expect(await bench.platform.jobs.get('poison')).toMatchObject({ state: 'running', attempts: 3 });
    const film = vi.fn(async () => ok([]));
    bench.work({ film }, { retry: { tries: 3 } });
    await bench.submit('sound');
    await vi.waitFor(async () => {
      expect((await bench.platform.jobs.get('poison'))?.state).toBe('dead');
      expect((await bench.platform.jobs.get('sound'))?.state).toBe('done');
    });
    expect(film).toHaveBeenCalledTimes(1);
  } finally {
    await bench.close();
  }
});
