import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guarded, scopesOf } from '../../functions/api/auth.ts';
import { type Scope, scopes } from '../../functions/platform/access.ts';
import { localTenant } from '../../functions/platform/tenant.ts';
import { film, openService, post, type Service } from '../service.ts';

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
/** Every route that answers, as the app itself lists them. */
const routesOf = () => [
  ...new Set(
    service.app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`),
  ),
];

describe('routes', () => {
  test('each is open or guarded, and no rule is left over', () => {
    const routes = routesOf();
    expect(routes.length).toBeGreaterThan(15);
    for (const route of routes) expect(() => scopesOf(route), route).not.toThrow();
    expect(Object.keys(guarded).filter((route) => !routes.includes(route))).toEqual([]);
  });

  test('open ones tell nothing of films and need no key', async () => {
    const open = routesOf().filter((route) => scopesOf(route) === 'open');
    expect(open).toEqual(expect.arrayContaining(['GET /', 'GET /docs', 'GET /openapi.json', 'GET /health/live']));
    expect(open.filter((route) => route.includes('/v1/') || route.includes('dicom'))).toEqual([]);
    for (const route of open) expect([200, 404], route).toContain((await ask(route)).status);
  });

  test('every other one asks for a key, and for one of its scopes', async () => {
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

  test('the OpenAPI document says which key each operation needs', async () => {
    const { paths, components } = await (await ask('GET /openapi.json')).json();
    expect(components.securitySchemes).toMatchObject({ bearer: { scheme: 'bearer' }, apiKey: { name: 'X-API-Key' } });
    expect(paths['/v1/jobs'].post.security).toEqual([{ bearer: ['jobs'] }, { apiKey: ['jobs'] }]);
    expect(paths['/health/live'].get.security).toEqual([]);
    for (const operations of Object.values(paths))
      for (const { security } of Object.values(operations as Record<string, { security?: unknown }>))
        expect(security).toBeInstanceOf(Array);
  });
});

describe('keys', () => {
  const catalog = (headers: Record<string, string>) => ask('GET /v1/catalog', headers);

  test('are taken from Authorization, whatever its case, or from X-API-Key', async () => {
    const key = await keyFor(['readings']);
    expect((await catalog({ authorization: `Bearer ${key}` })).status).toBe(200);
    expect((await catalog({ authorization: `bearer  ${key}` })).status).toBe(200);
    expect((await catalog({ 'x-api-key': key })).status).toBe(200);
    expect((await catalog({ 'x-api-key': key, ...bearer(key) })).status).toBe(200);
  });

  test.each([
    ['Basic', { authorization: 'Basic YTpi' }, 'not Bearer'],
    ['two that differ', { authorization: 'Bearer a', 'x-api-key': 'b' }, 'different keys'],
    [
      'one that nobody made',
      { authorization: 'Bearer alara_aaaaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' },
      'not valid',
    ],
    ['an empty one', { 'x-api-key': '' }, 'not valid'],
  ])('%s: refused', async (_, headers, problem) => {
    const answer = await catalog(headers);
    expect(answer.status).toBe(401);
    expect((await answer.json()).problem).toContain(problem);
  });

  test('are not read from the URL', async () => {
    const key = await keyFor(['readings']);
    const answer = await service.app.request(`/v1/catalog?api_key=${key}&access_token=${key}`);
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain(key);
  });

  test('one that was revoked is answered like one that never was', async () => {
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

  test("find only their own tenant's readings", async () => {
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
    // Read anew: that another tenant has sent this film before cannot be told.
    expect(again.status).toBe(201);
    expect((await again.json()).id).not.toBe(id);
  });
});

describe('on loopback', () => {
  test('no key is needed, but one that is sent must be good, and decides whose readings are found', async () => {
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
