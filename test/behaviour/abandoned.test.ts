import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { film, openService, type Service } from '../support/service.ts';

let service: Service;
let server: ReturnType<typeof createAdaptorServer>;
beforeAll(async () => {
  service = await openService({ ALARA_WORKERS: '1' });
  server = createAdaptorServer({ fetch: service.app.fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await service.close();
});

test('removes a film from the queue when its client disconnects', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/readings`;
  const gone = new AbortController();
  const send = (i: number, signal?: AbortSignal) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: Buffer.concat([film('00000442_000.png'), Buffer.of(i)]),
      ...(signal && { signal }),
    });
  const kept = [send(0), send(1)];
  const dropped = Array.from({ length: 20 }, (_, i) => send(2 + i, gone.signal).catch(() => 'hung up'));
  await vi.waitFor(() => expect(service.engine.status().waiting).toBeGreaterThan(15));
  gone.abort();
  await vi.waitFor(() => expect(service.engine.status().waiting).toBeLessThan(3), { timeout: 500, interval: 5 });
  expect(await Promise.all(dropped)).toEqual(Array(20).fill('hung up'));
  for (const response of await Promise.all(kept)) expect(response.status).toBe(201);
  await vi.waitFor(() => expect(service.engine.status()).toMatchObject({ waiting: 0, running: 0 }));
});
