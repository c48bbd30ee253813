import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { usualRate, watchBody } from '../../../functions/api/connection/body-timeout.ts';
import { createHttpServer } from '../../../functions/api/connection/http-server.ts';
import { ms } from '../../../functions/core/units.ts';
import { openService, type Service } from '../../support/service.ts';

const windowMs = ms(400);
/** 2 kB per window. */
const rate = { windowMs, bytesPerSecond: 5000 };
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
const serve = () => listen(createHttpServer({ fetch: service.app.fetch, bodyRate: rate }));

/** Send a request in pieces, with a pause before each. Returns all that is received until the connection ends. */
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

test('limits no request by its total time, but limits a head', () => {
  const server = createHttpServer({ fetch: service.app.fetch });
  expect(server.requestTimeout).toBe(0);
  expect(server.headersTimeout).toBeGreaterThan(0);
});

test('the slowest lines are fast enough, and a pause of half a minute is allowed', () => {
  // An ISDN line has 8 kB per second.
  expect(usualRate.bytesPerSecond).toBeLessThan(8000 / 2);
  expect(usualRate.windowMs).toBeGreaterThan(30_000);
});

test('accepts a body that arrives slowly but steadily over many windows', async () => {
  const answer = await send(await serve(), `PUT ${await place()}`, 40, windowMs / 8);
  expect(answer).toMatch(/^HTTP\/1\.1 204 /);
});

test.each([
  ['stops in the middle', 3, 1, 4],
  // 1 kB per window: never idle, but too slow.
  ['drips', 1000, windowMs, 1000],
])('refuses a body that %s, and keeps nothing of it', async (_, pieces, pauseMs, promised) => {
  const url = await place();
  const start = performance.now();
  const answer = await send(await serve(), `PUT ${url}`, pieces, pauseMs, promised);
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
  expect(problem).toMatchObject({ code: 'request_too_slow', bytesPerSecond: 5000, fix: expect.any(String) });
  expect(performance.now() - start).toBeGreaterThan(windowMs);
  const init = { method: 'POST', headers: { 'content-type': 'application/json' } };
  const body = JSON.stringify({ upload: url.split('/').at(-1) });
  expect(await (await service.app.request('/v1/jobs', { ...init, body })).json()).toMatchObject({
    code: 'upload_not_found',
  });
});

test('does not time out a sender that waits for the service, before and after its body is accepted', async () => {
  const server = createServer(async (incoming, response) => {
    watchBody(incoming, response, rate);
    await delay(3 * windowMs);
    for await (const _ of incoming);
    await delay(3 * windowMs);
    response.end('taken');
  });
  const gone = vi.fn();
  server.on('connection', (socket) => socket.on('error', gone));
  // More than the buffers between client and service hold.
  expect(await send(await listen(server), 'PUT /', 4000, 0)).toMatch(/taken/);
  expect(gone).not.toHaveBeenCalled();
});
