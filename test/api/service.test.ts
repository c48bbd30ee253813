import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openService, type Service } from '../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service?.close());
const get = (path: string) => service.app.request(path);

describe('GET /v1/routes', () => {
  test('returns the plan of the same query without a film', async () => {
    const { plan, findings } = await (await get('/v1/routes?findings=Nodule&policy=sabottke-spieler-2020')).json();
    expect(plan.variants).toMatchObject([{ resolution: 448, findings: ['Nodule'] }]);
    expect(findings).toMatchObject([{ finding: 'Nodule', basis: 'published', meetsTarget: true }]);
    expect(findings[0].passedOver.length).toBeGreaterThan(0);
  });

  test('under the default policy names the basis of every finding', async () => {
    const { findings } = await (await get('/v1/routes')).json();
    expect(findings).toHaveLength(service.router.family.catalog.findings.length);
    for (const { basis } of findings) expect(['measured', 'published', 'simulated']).toContain(basis);
  });

  test('takes repeated parameters where several values have a meaning, in upper or lower case', async () => {
    const separate = await (await get('/v1/routes?findings=nodule&findings=MASS&minAuroc=mass:0.1')).json();
    expect(separate).toEqual(await (await get('/v1/routes?findings=Nodule,Mass&minAuroc=Mass:0.1')).json());
    expect(await (await get('/v1/routes?policy=a&policy=b')).json()).toMatchObject({
      ...{ status: 400, code: 'invalid_parameter', parameter: 'policy', problem: 'it is given more than once' },
    });
  });

  test('suggests the nearest name of a misspelt finding, and of a misspelt parameter', async () => {
    expect(await (await get('/v1/routes?findings=Nodul')).json()).toMatchObject({ nearest: 'Nodule' });
    expect(await (await get('/v1/routes?finding=Nodule')).json()).toMatchObject({ nearest: { finding: 'findings' } });
  });

  test.each([
    ['?explain=heatmap', 'unknown_parameter'],
    ['?findings=Gout', 'unknown_finding'],
    ['?minAuroc=0.9999', 'unreachable_target'],
  ])('refuses %s', async (query, code) => {
    expect(await (await get(`/v1/routes${query}`)).json()).toMatchObject({ code });
  });
});

describe('evidence', () => {
  test('GET /v1/catalog returns the variants, the policies and the policy in force', async () => {
    const view = await (await get('/v1/catalog')).json();
    expect(view.catalog.variants.length).toBeGreaterThanOrEqual(4);
    expect(Object.keys(view.policies)).toEqual(
      expect.arrayContaining([view.policyInForce, 'sabottke-spieler-2020', 'cheapest']),
    );
    expect((await get('/v1/catalog?x=1')).status).toBe(400);
  });

  test('GET /v1/evaluation returns the measurements of the catalog', async () => {
    const evaluation = await (await get('/v1/evaluation')).json();
    expect(evaluation.schema).toMatch(/^alara\.evaluation\//);
  });
});

describe('operations', () => {
  test('live and ready', async () => {
    expect(await (await get('/health/live')).json()).toEqual({ status: 'live' });
    expect(await (await get('/health/ready')).json()).toMatchObject({
      status: 'ready',
      device: 'cpu',
      waiting: 0,
      running: 0,
    });
  });

  test('/openapi.json is valid OpenAPI 3.1 and names the readings, plans, evidence and health routes', async () => {
    const document = await (await get('/openapi.json')).json();
    const { valid, errors } = await new Validator().validate(document);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/v1/readings',
        '/v1/readings/{id}',
        '/v1/routes',
        '/v1/catalog',
        '/v1/evaluation',
        '/health/live',
        '/health/ready',
      ]),
    );
    expect(JSON.stringify(document.paths['/v1/readings'].post.responses)).toContain('too_small');
  });

  test('/docs and / refer to no other host', async () => {
    for (const path of ['/docs', '/']) {
      const response = await get(path);
      expect(response.status).toBe(200);
      const page = await response.text();
      expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
      expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
      for (const [, asset = ''] of page.matchAll(/(?:src|href)="(\/[\w./-]*\.(?:js|css))"/g))
        expect((await get(asset)).status, asset).toBe(200);
    }
  });

  test('answers have a request id', async () => {
    expect((await get('/health/live')).headers.get('x-request-id')).toMatch(/\w/);
  });
});
