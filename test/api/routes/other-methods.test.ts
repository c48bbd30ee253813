import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRunnerApp } from '../../../functions/api/app.ts';
import { openService, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
});
afterAll(() => service?.close());

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];
const ask = (method: string, path: string) => service.app.request(path, { method });
/** The resources of the API, and the methods of each. */
const resources = () =>
  Map.groupBy(
    service.app.routes.filter(({ method }) => method !== 'ALL'),
    ({ path }) => path,
  );
const study = '1.2.840.1';

describe('an unsupported method of a resource', () => {
  test('gets 405 with Allow on every resource; OPTIONS gets 204 with the same Allow; no supported method gets 405', async () => {
    expect(resources().size).toBeGreaterThan(20);
    for (const [route, routes] of resources()) {
      const path = route.replaceAll(':study', study).replaceAll(/:\w+/g, 'x');
      const offered = new Set(routes.map(({ method }) => method));
      if (offered.has('GET')) offered.add('HEAD');
      const allow = [...offered, 'OPTIONS'].toSorted().join(', ');
      for (const method of methods) {
        const answer = await ask(method, path);
        const said = `${method} ${path}`;
        const isRetrieval = path.startsWith('/dicom-web/') && ['GET', 'HEAD'].includes(method);
        if (method === 'OPTIONS') expect([answer.status, answer.headers.get('allow')], said).toEqual([204, allow]);
        else if (offered.has(method))
          expect([404, 405, 501].includes(answer.status) && answer.headers.has('allow'), said).toBe(false);
        else {
          expect([answer.status, answer.headers.get('allow')], said).toEqual([isRetrieval ? 501 : 405, allow]);
          if (method === 'HEAD') expect(await answer.text()).toBe('');
          else
            expect(await answer.json()).toMatchObject({
              code: isRetrieval ? 'dicomweb_not_offered' : 'method_not_allowed',
              allow: allow.split(', '),
            });
        }
        await answer.body?.cancel().catch(() => undefined);
      }
    }
  });

  test('is refused without a key as well, and the answer contains only Allow', async () => {
    const guarded = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_AUTH: 'required' });
    try {
      expect((await guarded.app.request('/v1/jobs', { method: 'DELETE' })).status).toBe(405);
      expect((await guarded.app.request('/v1/jobs')).status).toBe(401);
      expect((await guarded.app.request('/dicom-web/studies', { method: 'POST' })).status).toBe(401);
    } finally {
      await guarded.close();
    }
  });

  test('of a worker process gets 405 on its own resources, and 404 on others', async () => {
    const deps = { ...service, corsOrigins: [], log: { info: () => undefined, error: () => undefined }, pacs: {} };
    const app = createRunnerApp(deps as unknown as Parameters<typeof createRunnerApp>[0]);
    expect((await app.request('/health/live', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    expect((await app.request('/dicom-web/studies')).status).toBe(404);
  });
});

describe('unsupported DICOMweb services', () => {
  test.each([
    ['search for studies', 'GET', '/dicom-web/studies?PatientID=1'],
    ['search for series', 'GET', `/dicom-web/studies/${study}/series`],
    ['search for all series', 'GET', '/dicom-web/series'],
    ['search for instances', 'GET', '/dicom-web/instances?limit=1'],
    ['retrieve a study', 'GET', `/dicom-web/studies/${study}`],
    ['retrieve metadata', 'GET', `/dicom-web/studies/${study}/metadata`],
    ['retrieve an instance', 'GET', `/dicom-web/studies/${study}/series/1.2/instances/1.3`],
    ['retrieve frames', 'GET', `/dicom-web/studies/${study}/series/1.2/instances/1.3/frames/1`],
    ['retrieve a rendered instance', 'GET', `/dicom-web/studies/${study}/series/1.2/instances/1.3/rendered`],
    ['retrieve bulk data', 'GET', `/dicom-web/studies/${study}/series/1.2/instances/1.3/bulkdata/7FE00010`],
    ['look whether it is there', 'HEAD', `/dicom-web/studies/${study}/series`],
    ['reject', 'POST', `/dicom-web/studies/${study}/reject/113001^DCM`],
    ['create a workitem', 'POST', '/dicom-web/workitems'],
    ['search for workitems', 'GET', '/dicom-web/workitems'],
    ['change the state of a workitem', 'PUT', '/dicom-web/workitems/1.2.3/state'],
    ['subscribe', 'POST', '/dicom-web/workitems/1.2.3/subscribers/AET'],
  ])('%s: 501', async (_, method, path) => {
    const answer = await ask(method, path);
    expect(answer.status).toBe(501);
    if (method !== 'HEAD') expect(await answer.json()).toMatchObject({ code: 'dicomweb_not_offered', status: 501 });
  });

  test('a path outside of DICOMweb is not found', async () => {
    for (const path of ['/dicom-web/other', '/dicom-web/studiesx', '/v1/other', '/dicom-web'])
      expect((await ask('GET', path)).status, path).toBe(404);
  });
});
