import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guarded, scopesOf } from '../../../functions/api/http/auth.ts';
import { type Running, startServer } from '../../../functions/api/server.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import { createLog } from '../../../functions/platform/log.ts';
import { localTenant, type Scope, scopes } from '../../../functions/storage/access.ts';
import { openPlatform } from '../../../functions/storage/open-storage.ts';
import { film, openService, post, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_AUTH: 'required' });
});
afterAll(() => service?.close());

const keyFor = async (given: readonly Scope[], tenant = 'north') =>
  (await service.platform.access.createKey(tenant, given)).key;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ask = (route: string, headers: Record<string, string> = {}) => {
  const [method = '', path = ''] = route.split(' ');
  return service.app.request(path.replaceAll(/:\w+/g, 'x'), { method, headers });
};
/** All routes of the app, from the app itself. */
const routesOf = () => [
  ...new Set(
    service.app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`),
  ),
];

describe('routes', () => {
  test('each route is open or guarded, and each rule has a route', () => {
    const routes = routesOf();
    expect(routes.length).toBeGreaterThan(15);
    for (const route of routes) expect(() => scopesOf(route), route).not.toThrow();
    expect(Object.keys(guarded).filter((route) => !routes.includes(route))).toEqual([]);
  });

  test('open routes return nothing about films and need no key', async () => {
    const open = routesOf().filter((route) => scopesOf(route) === 'open');
    expect(open).toEqual(expect.arrayContaining(['GET /', 'GET /docs', 'GET /openapi.json', 'GET /health/live']));
    expect(open.filter((route) => route.includes('/v1/') || route.includes('dicom'))).toEqual([]);
    for (const route of open) expect([200, 404], route).toContain((await ask(route)).status);
  });

  test('every other route needs a key with one of its scopes', async () => {
    const keys = new Map(await Promise.all(scopes.map(async (scope) => [scope, await keyFor([scope])] as const)));
    for (const route of routesOf().filter((route) => scopesOf(route) !== 'open')) {
      const without = await ask(route);
      expect([without.status, without.headers.get('www-authenticate')], route).toEqual([401, 'Bearer realm="alara"']);
      expect(await without.json()).toMatchObject({ code: 'unauthenticated' });
      for (const [scope, key] of keys) {
        const answer = await ask(route, bearer(key));
        if (scopesOf(route).includes(scope)) expect([401, 403], `${route} with ${scope}`).not.toContain(answer.status);
        else expect(answer.status, `${route} with ${scope}`).toBe(403);
      }
    }
  });

  test('the OpenAPI document names the key and scopes of each operation', async () => {
    const { paths, components } = await (await ask('GET /openapi.json')).json();
    expect(components.securitySchemes).toMatchObject({ bearer: { scheme: 'bearer' }, apiKey: { name: 'X-API-Key' } });
    expect(paths['/v1/jobs'].post.security).toEqual([{ bearer: [] }, { apiKey: [] }]);
    expect(paths['/v1/readings/{id}'].get.description).toMatch(/ Needs a key with the scope `readings` or `jobs`\.$/);
    expect(paths['/health/live'].get.security).toEqual([]);
    for (const operations of Object.values(paths))
      for (const { security } of Object.values(operations as Record<string, { security?: unknown }>))
        expect(security).toBeInstanceOf(Array);
  });
});

describe('keys', () => {
  const catalog = (headers: Record<string, string>) => ask('GET /v1/catalog', headers);

  test('are accepted in Authorization, in any case, or in X-API-Key', async () => {
    const key = await keyFor(['readings']);
    expect((await catalog({ authorization: `Bearer ${key}` })).status).toBe(200);
    expect((await catalog({ authorization: `bearer  ${key}` })).status).toBe(200);
    expect((await catalog({ 'x-api-key': key })).status).toBe(200);
    expect((await catalog({ 'x-api-key': key, ...bearer(key) })).status).toBe(200);
  });

  test.each([
    ['Basic', { authorization: 'Basic YTpi' }, 'must be Bearer'],
    ['two different keys', { authorization: 'Bearer a', 'x-api-key': 'b' }, 'different keys'],
    ['an unknown key', { authorization: 'Bearer alara_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }, 'not valid'],
    ['an empty key', { 'x-api-key': '' }, 'not valid'],
  ])('%s: refused', async (_, headers, problem) => {
    const answer = await catalog(headers);
    expect(answer.status).toBe(401);
    expect((await answer.json()).problem).toContain(problem);
  });

  test('are not accepted in the URL', async () => {
    const key = await keyFor(['readings']);
    const answer = await service.app.request(`/v1/catalog?api_key=${key}&access_token=${key}`);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain(key);
  });

  test('a revoked key gets the same answer as an unknown key', async () => {
    const { key, apiKey } = await service.platform.access.createKey('north', ['readings']);
    expect((await catalog(bearer(key))).status).toBe(200);
    await service.platform.access.revokeKey(apiKey.id);
    const [revoked, unknown] = await Promise.all(
      [key, 'alara_bbbbbbbbbb_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'].map(async (sent) => {
        const answer = await catalog(bearer(sent));
        const { requestId: _, ...rest } = await answer.json();
        return [answer.status, rest];
      }),
    );
    expect(revoked).toEqual(unknown);
  });

  test('find only the readings of their own tenant', async () => {
    const [north, south] = [await keyFor(['readings'], 'north'), await keyFor(['readings'], 'south')];
    const query = '?findings=Mass';
    const made = await post(service.app, query, film('00000442_000.png'), 'image/png', {
      headers: { 'content-type': 'image/png', ...bearer(north) },
    });
    expect(made.status).toBe(201);
    const { id } = await made.json();
    expect((await ask(`GET /v1/readings/${id}`, bearer(north))).status).toBe(200);
    const other = await ask(`GET /v1/readings/${id}`, bearer(south));
    expect([other.status, (await other.json()).code]).toEqual([404, 'reading_not_found']);
    const again = await post(service.app, query, film('00000442_000.png'), 'image/png', {
      headers: { 'content-type': 'image/png', ...bearer(south) },
    });
    // The film is read again. The answer does not show that another tenant has sent the film before.
    expect(again.status).toBe(201);
    expect((await again.json()).id).not.toBe(id);
  });
});

describe('on loopback', () => {
  // Over a socket: `app.request()` cannot imitate a browser or a proxy.
  describe('without a key', () => {
    let server: Running;
    let port: number;
    const data = mkdtempSync(join(tmpdir(), 'alara-keyless-'));
    beforeAll(async () => {
      const environment = { ALARA_DATA: data, ALARA_WORKERS: '1', ALARA_LOG: 'silent', PORT: '0' };
      server = await startServer(readConfig(environment), createLog('silent'));
      port = Number(new URL(server.url).port);
    });
    afterAll(async () => {
      await server?.close();
      rmSync(data, { recursive: true });
    });
    const send = (headers: Record<string, string>, path = '/v1/catalog') =>
      new Promise<{ status: number; body: string }>((resolve, reject) => {
        const outgoing = request({ host: '127.0.0.1', port, path, headers }, async (answer) =>
          resolve({ status: answer.statusCode ?? 0, body: (await buffer(answer)).toString() }),
        );
        outgoing.on('error', reject).end();
      });

    test.each([
      ['localhost', { host: 'localhost' }],
      ['localhost with a forwarded port', { host: 'LOCALHOST:1234' }],
      ['an address', { host: '127.0.0.1:8080' }],
      ['another address of loopback', { host: '127.8.7.6' }],
      ['an IPv6 address', { host: '[::1]:8080' }],
      ['its own page', { host: 'localhost:8080', origin: 'http://localhost:8080' }],
    ])('a local request is answered without a key: %s', async (_, headers) => {
      expect((await send(headers)).status).toBe(200);
    });

    test.each([
      ['a name that points here, by DNS rebinding', { host: 'evil.example' }],
      ['such a name with the port', { host: 'evil.example:8080', origin: 'http://evil.example:8080' }],
      ['a name that starts with localhost', { host: 'localhost.evil.example' }],
      ['a name that starts with an address', { host: '127.0.0.1.evil.example' }],
      ['a proxy that keeps the name', { host: 'alara.clinic.example', 'x-forwarded-for': '10.1.2.3' }],
      ['a proxy that names the client', { host: '127.0.0.1', 'x-forwarded-for': '10.1.2.3' }],
      ['a proxy that names the protocol', { host: '127.0.0.1', 'X-Forwarded-Proto': 'https' }],
      ['a proxy by RFC 7239', { host: '127.0.0.1', forwarded: 'for=10.1.2.3' }],
      ['a proxy by RFC 9110', { host: '127.0.0.1', via: '1.1 gateway' }],
      ['nginx in a common configuration', { host: '127.0.0.1', 'x-real-ip': '10.1.2.3' }],
      ["another site's page", { host: 'localhost', origin: 'https://evil.example' }],
      ['a page without an origin', { host: 'localhost', origin: 'null' }],
      ['a page from another local port', { host: 'localhost:8080', origin: 'http://localhost:3000' }],
    ])('needs a key: %s', async (_, headers) => {
      const { status, body } = await send(headers);
      expect([status, JSON.parse(body)]).toMatchObject([
        401,
        { code: 'unauthenticated', fix: expect.stringContaining('through no proxy') },
      ]);
      expect(body).not.toContain('evil.example');
      const { key } = await openKey();
      expect((await send({ ...headers, ...bearer(key) })).status, 'with a key').toBe(200);
      expect((await send(headers, '/health/ready')).status, 'what anyone may have').toBe(200);
    });

    const openKey = async () => {
      const platform = await openPlatform(readConfig({ ALARA_DATA: data }));
      try {
        return await platform.access.createKey('north', ['readings']);
      } finally {
        await platform.close();
      }
    };
  });

  test('needs no key, but checks a key that is sent and uses its tenant', async () => {
    const local = await openService({ ALARA_AUTH: 'auto', HOST: '127.0.0.1' });
    try {
      const { access } = local.platform;
      const { key } = await access.createKey('north', ['jobs']);
      const status = async (headers: Record<string, string>, path = '/v1/jobs') =>
        (await local.app.request(path, { headers })).status;
      expect(await status({})).toBe(200);
      expect(await status(bearer(key))).toBe(200);
      expect(await status(bearer(`${key}x`))).toBe(401);
      expect(await status(bearer((await access.createKey('north', ['pacs'])).key))).toBe(403);
      const made = await post(local.app, '?findings=Mass', film('00000442_000.png'));
      const { id } = await made.json();
      expect(await status({}, `/v1/readings/${id}`)).toBe(200);
      expect(await status(bearer(key), `/v1/readings/${id}`)).toBe(404);
      expect((await local.platform.readings.get(localTenant, id))?.reading.id).toBe(id);
    } finally {
      await local.close();
    }
  });
});
