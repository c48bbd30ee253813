import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepAliveMs } from '../../functions/api/connection/http-server.ts';
import { type Running, startServer } from '../../functions/api/server.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { createLog } from '../../functions/platform/log.ts';
import { film } from '../support/service.ts';

let data: string;
const running: Running[] = [];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'alara-roles-'));
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
  rmSync(data, { recursive: true });
});

async function start(role: string): Promise<string> {
  const environment = { ALARA_DATA: data, ALARA_ROLE: role, ALARA_WORKERS: '1', ALARA_LOG: 'silent', PORT: '0' };
  const server = await startServer(readConfig(environment), createLog('silent'));
  running.push(server);
  return server.url;
}

async function submit(url: string, n: number) {
  const upload = await (await fetch(`${url}/v1/uploads`, { method: 'POST' })).json();
  const body = Buffer.concat([film('00000442_000.png'), Buffer.of(n)]);
  await fetch(new URL(upload.url, `${url}/v1/uploads`), { method: upload.method, headers: upload.headers, body });
  const answer = await fetch(`${url}/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ upload: upload.id, findings: 'Mass' }),
  });
  return (await answer.json()).id as string;
}
const state = async (url: string, id: string) => (await (await fetch(`${url}/v1/jobs/${id}`)).json()).state;

test('one process accepts jobs, and another, which serves only its health, processes them', async () => {
  const api = await start('api');
  const id = await submit(api, 1);
  await delay(300);
  expect(await state(api, id)).toBe('queued');

  const worker = await start('worker');
  await vi.waitFor(async () => expect(await state(api, id)).toBe('done'), { timeout: 60_000 });
  expect((await fetch(`${worker}/health/ready`)).status).toBe(200);
  for (const path of ['/', '/v1/jobs', '/v1/catalog', '/openapi.json'])
    expect((await fetch(worker + path)).status, path).toBe(404);
});

test('a stop loses no job: the next start finishes the open jobs', async () => {
  const first = await start('all');
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) ids.push(await submit(first, n));
  const [server] = running.splice(0);
  await server?.close();

  const second = await start('all');
  await vi.waitFor(
    async () => {
      for (const id of ids) expect(await state(second, id)).toBe('done');
    },
    { timeout: 60_000, interval: 100 },
  );
  for (const id of ids)
    expect((await (await fetch(`${second}/v1/jobs/${id}`)).json()).attempts, 'handing back is not a try').toBe(1);
});

test('keeps a connection longer than a load balancer reuses it, and announces the timeout', async () => {
  const response = await fetch(`${await start('api')}/health/live`);
  expect(response.headers.get('keep-alive')).toBe(`timeout=${keepAliveMs / 1000}`);
});
