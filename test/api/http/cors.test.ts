import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../functions/platform/config.ts';
import { film, openService, type Service } from '../../support/service.ts';

const origin = 'https://ris.example.org';
let service: Service;
let closed: Service;
beforeAll(async () => {
  const small = { ALARA_ROLE: 'api', ALARA_WORKERS: '1' };
  closed = await openService(small);
  service = await openService({ ...small, ALARA_CORS_ORIGINS: `${origin}, http://localhost:5173` });
});
afterAll(() => Promise.all([service?.close(), closed?.close()]));

const preflight = (from: string, path = '/v1/readings', on = service) =>
  on.app.request(path, {
    method: 'OPTIONS',
    headers: {
      origin: from,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });
const cors = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('a page of an allowed origin', () => {
  test('may ask before it sends: every method of the API, the key and the headers of a request', async () => {
    const answer = await preflight(origin);
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('access-control-allow-methods')).toBe('GET,HEAD,POST,PUT,DELETE');
    const headers = answer.headers.get('access-control-allow-headers')?.toLowerCase().split(',');
    expect(headers).toEqual(expect.arrayContaining(['authorization', 'x-api-key', 'content-type', 'prefer']));
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('vary')).toMatch(/origin/i);
  });

  test('reads answers, problems and 304, and the headers of each', async () => {
    const ask = (path: string, init: RequestInit = {}) =>
      service.app.request(path, { ...init, headers: { origin, ...init.headers } });
    const catalog = await ask('/v1/catalog');
    const etag = catalog.headers.get('etag') ?? '';
    const answers = [
      catalog,
      await ask('/v1/catalog', { headers: { 'if-none-match': etag } }),
      await ask('/v1/catalog?x=1'),
      await ask('/v1/nothing'),
      await ask('/v1/catalog', { method: 'POST' }),
      await ask('/v1/readings?findings=Mass', { method: 'POST', body: film('00000442_000.png') }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 304, 400, 404, 405, 201]);
    for (const answer of answers) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('access-control-expose-headers')).toMatch(/Location.*ETag.*X-Request-Id/);
      expect(answer.headers.get('vary')).toMatch(/origin/i);
    }
  });

  test('of a development server on loopback needs no key there', async () => {
    const from = (page: string) => service.app.request('/v1/catalog', { headers: { origin: page } });
    expect((await from('http://localhost:5173')).status).toBe(200);
    expect((await from('http://localhost:5174')).status).toBe(401);
    const keyed = await openService({
      ...{ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_AUTH: 'required' },
      ALARA_CORS_ORIGINS: origin,
    });
    try {
      const refused = await keyed.app.request('/v1/catalog', { headers: { origin } });
      expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, origin]);
      // A preflight has no key.
      expect((await preflight(origin, '/v1/readings', keyed)).status).toBe(204);
    } finally {
      await keyed.close();
    }
  });
});

describe('a page of another origin', () => {
  test.each(['https://evil.example.org', 'https://ris.example.org.evil.example', 'http://ris.example.org', 'null'])(
    'gets no headers that let it read an answer: %s',
    async (page) => {
      expect(cors(await preflight(page))).toEqual([]);
      const read = await service.app.request('/v1/catalog', { headers: { origin: page } });
      expect([read.status, cors(read)]).toEqual([401, []]);
    },
  );

  test('is every origin by default', async () => {
    const answer = await preflight(origin, '/v1/readings', closed);
    expect([answer.status, cors(answer)]).toEqual([204, []]);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, OPTIONS, POST');
  });
});

test('OPTIONS without a preflight names the methods of the resource, also for an allowed origin', async () => {
  const answer = await service.app.request('/v1/catalog', { method: 'OPTIONS', headers: { origin } });
  expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'GET, HEAD, OPTIONS']);
});

test.each(['*', 'ris.example.org', 'https://ris.example.org/', 'https://ris.example.org/app', 'file://x', 'null'])(
  'ALARA_CORS_ORIGINS=%s is refused at the start',
  (ALARA_CORS_ORIGINS) => {
    expect(() => readConfig({ ALARA_CORS_ORIGINS })).toThrow(/ALARA_CORS_ORIGINS.*expected origins such as/);
  },
);
