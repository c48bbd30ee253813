import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startServer } from '../../functions/api/server.ts';
import { letBodiesTakeTime } from '../../functions/api/slow-bodies.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { createLog } from '../../functions/platform/log.ts';
import { openService, type Service } from '../service.ts';

const idleMs = 200;
let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
});
afterAll(() => service?.close());
const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close().closeAllConnections();
});

async function listen(server: Server): Promise<number> {
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
const serve = () => {
  const server = createAdaptorServer({ fetch: service.app.fetch }) as Server;
  letBodiesTakeTime(server, idleMs);
  return listen(server);
};

/** A request of which so many pieces come, each after a pause; what is answered, to the end of the connection. */
async function send(port: number, head: string, pieces: number, pauseMs: number, promised = pieces): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  const closed = new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  socket.write(
    `${head} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: ${promised * 1000}\r\n\r\n`,
  );
  for (let i = 0; i < pieces && !socket.closed; i++) {
    socket.write(Buffer.alloc(1000));
    await delay(pauseMs);
  }
  await closed;
  return answer;
}
const place = async () => {
  const { url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
  return new URL(url, 'http://localhost/v1/uploads').pathname;
};

test('no request is cut off for the time it takes, and a head still is', () => {
  const server = createServer();
  const { headersTimeout, requestTimeout } = server;
  expect(requestTimeout, 'what Node does by itself').toBe(300_000);
  letBodiesTakeTime(server);
  expect(server.requestTimeout).toBe(0);
  expect(server.headersTimeout).toBe(headersTimeout);
  expect(headersTimeout).toBeGreaterThan(0);
});

test('the server that listens is such a one', async () => {
  const environment = { ALARA_DATA: service.data, ALARA_WORKERS: '1', ALARA_ROLE: 'worker', PORT: '0' };
  const running = await startServer(readConfig(environment), createLog('silent'));
  const told = vi.fn();
  subscribe('http.server.request.start', told);
  try {
    await fetch(`${running.url}/health/live`);
    expect(told.mock.calls[0]?.[0].server).toMatchObject({ requestTimeout: 0, headersTimeout: expect.any(Number) });
  } finally {
    unsubscribe('http.server.request.start', told);
    await running.close();
  }
});

test('a body that goes on slowly is taken, though it takes many times as long as a pause may', async () => {
  const answer = await send(await serve(), `PUT ${await place()}`, 40, idleMs / 4);
  expect(answer).toMatch(/^HTTP\/1\.1 204 /);
});

test('a body that stops in the middle is given up, and nothing is kept of it', async () => {
  const url = await place();
  const start = performance.now();
  const answer = await send(await serve(), `PUT ${url}`, 3, 1, 4);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(performance.now() - start).toBeGreaterThan(idleMs);
  expect(performance.now() - start).toBeLessThan(10 * idleMs);
  const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const body = JSON.stringify({ upload: url.split('/').at(-1) });
  expect(await (await service.app.request('/v1/jobs', { ...init, body })).json()).toMatchObject({
    code: 'upload_not_found',
  });
});

test('who waits for this service is not given up, before its body is taken or after', async () => {
  const server = createServer(async (incoming, response) => {
    await delay(6 * idleMs);
    for await (const _ of incoming);
    await delay(6 * idleMs);
    response.end('taken');
  });
  letBodiesTakeTime(server, idleMs);
  const gone = vi.fn();
  server.on('connection', (socket) => socket.on('error', gone));
  // More than the buffers between the two hold.
  expect(await send(await listen(server), 'PUT /', 4000, 0)).toMatch(/taken/);
  expect(gone).not.toHaveBeenCalled();
});
