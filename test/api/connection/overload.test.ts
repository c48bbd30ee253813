import type { Server } from 'node:http';
import { Agent, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { createHttpServer } from '../../../functions/api/connection/http-server.ts';
import { createOverloadRule, createRateRule } from '../../../functions/api/connection/overload.ts';
import { createRateLimiter } from '../../../functions/api/http/rate-limiter.ts';
import { ms } from '../../../functions/core/units.ts';
import { type Access, localTenant } from '../../../functions/storage/access.ts';
import type { Platform } from '../../../functions/storage/platform.ts';
import { open, textOf } from '../../support/attacks.ts';

let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

const check: Access['check'] = async (key) =>
  ['full', 'shares'].includes(key) ? { id: key, tenant: key, scopes: ['readings'], createdAt: '' } : undefined;

const start = async (listening: Server) => {
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
};

/** A service with a full queue. The tenant `shares` can still queue films. */
async function listen({ authRequired = false, hasRoom = false } = {}) {
  const fetch = vi.fn(async (incoming: Request) => {
    await incoming.arrayBuffer();
    return new Response('from the API');
  });
  const engine = {
    hasRoom: () => hasRoom,
    overload: (tenant?: string) =>
      tenant === 'shares' ? undefined : { code: 'queue_full' as const, retryAfterMs: ms(1200) },
  };
  const platform = { access: { check } } as unknown as Platform;
  const listening = createHttpServer({
    fetch,
    refuse: createOverloadRule({ platform, authRequired, corsOrigins: [] }, () => engine),
  });
  return { fetch, url: await start(listening) };
}

const send = (url: string, agent: Agent, body: Uint8Array, headers: Record<string, string> = {}) =>
  new Promise<{ status: number | undefined; headers: Record<string, unknown>; text: string; port: number | undefined }>(
    (resolve, reject) => {
      const outgoing = request(url, { method: 'POST', agent, headers }, (answer) => {
        const port = outgoing.socket?.localPort;
        let text = '';
        answer.setEncoding('utf8').on('data', (piece) => {
          text += piece;
        });
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text, port }));
      });
      outgoing.on('error', reject).end(body);
    },
  );

test('a film is refused before the API sees it when the queue is full, and the connection serves the next request', async () => {
  const { fetch, url } = await listen();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = new Uint8Array(3_000_000);
  const ports = new Set<number | undefined>();
  for (let i = 0; i < 20; i++) {
    const { status, headers, text, port } = await send(`${url}/v1/readings?minAuroc=0.8`, agent, body, {
      'x-request-id': `r${i}`,
    });
    ports.add(port);
    expect([status, headers['retry-after'], headers['x-request-id'], headers['content-type']]).toEqual([
      503,
      '2',
      `r${i}`,
      'application/problem+json',
    ]);
    expect(JSON.parse(text)).toMatchObject({ code: 'queue_full', status: 503, requestId: `r${i}` });
  }
  expect(fetch).not.toHaveBeenCalled();
  const other = await send(`${url}/v1/uploads`, agent, body);
  expect([other.status, other.text, ports.has(other.port), ports.size]).toEqual([200, 'from the API', true, 1]);
  agent.destroy();
});

test.each([
  ['a request without a required key', { authRequired: true }, {}],
  ['an unknown key', {}, { 'x-api-key': 'unknown' }],
  ['a tenant with a free share of the queue', {}, { authorization: 'Bearer shares' }],
  ['a request through a proxy without a key', {}, { via: '1.1 proxy' }],
  ['a film for which there is room', { hasRoom: true }, {}],
])('the API answers %s', async (_, options, headers) => {
  const { fetch, url } = await listen(options);
  const agent = new Agent();
  expect((await send(`${url}/v1/readings`, agent, new Uint8Array(10), headers)).text).toBe('from the API');
  expect(fetch).toHaveBeenCalledOnce();
});

test('a request with any known key is refused when the queue is full', async () => {
  const { fetch, url } = await listen({ authRequired: true });
  const { status } = await send(`${url}/v1/readings`, new Agent(), new Uint8Array(10), { 'x-api-key': 'full' });
  expect([status, fetch.mock.calls]).toEqual([503, []]);
});

test.each([
  [false, /^HTTP\/1\.1 503 .*\r\n\r\n\{.*\}$/s, /connection: close/i],
  [true, /^HTTP\/1\.1 100 Continue\r\n\r\n$/, /100/],
])(
  'a client that sent Expect: 100-continue is asked for the body only if the queue has a free place: %s',
  async (hasRoom, ...expected) => {
    const { url } = await listen({ hasRoom });
    const socket = open(url);
    const text = textOf(socket);
    socket.write('POST /v1/readings HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n');
    for (const pattern of expected) await vi.waitFor(() => expect(text()).toMatch(pattern));
    if (hasRoom) {
      socket.write('film');
      await vi.waitFor(() => expect(text()).toMatch(/from the API$/));
    }
    socket.destroy();
  },
);

/** A service whose callers without a key have used up their films. */
async function listenLimited(corsOrigins: readonly string[] = []) {
  const fetch = vi.fn(async () => new Response('from the API'));
  const limiter = createRateLimiter({ films: 1, requests: 5 });
  if (!limiter) throw new Error('no limit');
  limiter.count('films', localTenant, 1);
  const url = await start(createHttpServer({ fetch, refuse: createRateRule(corsOrigins, limiter) }));
  return { fetch, url };
}

test.each(['/v1/readings?findings=Nodule', '/v1/batches', '/v1/jobs', '/dicom-web/studies/1.2.3'])(
  'a key that has used up its films is refused before the API sees its body: %s',
  async (path) => {
    const { fetch, url } = await listenLimited();
    const { status, headers, text } = await send(`${url}${path}`, new Agent(), new Uint8Array(3_000_000));
    expect([status, headers['retry-after'], headers['ratelimit-policy'], headers['ratelimit']]).toEqual([
      429,
      '60',
      '"films";q=1;w=60, "requests";q=5;w=60',
      '"films";r=0;t=60',
    ]);
    expect(JSON.parse(text)).toMatchObject({ code: 'throttled', policy: 'films', perMinute: 1 });
    expect(fetch).not.toHaveBeenCalled();
  },
);

test.each([
  ['another key', '/v1/readings', { 'x-api-key': 'full' }, []],
  ['another operation of the same key', '/v1/uploads', {}, []],
  ['a path that is no operation', '/v1/none', {}, []],
  ['a page of an allowed origin', '/v1/readings', { origin: 'https://ris.example' }, ['https://ris.example']],
] as const)('the API answers %s although the films of a key are used up', async (_, path, headers, corsOrigins) => {
  const { fetch, url } = await listenLimited(corsOrigins);
  expect((await send(`${url}${path}`, new Agent(), new Uint8Array(10), headers)).text).toBe('from the API');
  expect(fetch).toHaveBeenCalledOnce();
});
