import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { film, openService, post, type Service } from '../../support/service.ts';

let service: Service;
let reading: string;
beforeAll(async () => {
  service = await openService();
  reading = (await (await post(service.app, '?findings=Mass', film('00000442_000.png'))).json()).id;
});
afterAll(() => service?.close());
const get = (path: string, accept: string) => service.app.request(path, { headers: { accept } });

describe('Accept', () => {
  test.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/*',
    '*/*',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/json, text/plain, */*',
    'text/html;q=0.9, application/json;q=0.1',
    '',
  ])('%j is answered in JSON', async (accept) => {
    const answer = await get('/v1/jobs', accept);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
  });

  test.each(['text/html', 'application/xml', 'image/*', 'application/json;q=0, */*', 'application/dicom'])(
    '%j is refused with the media types that are available',
    async (accept) => {
      const answer = await get('/v1/jobs', accept);
      expect([answer.status, await answer.json()]).toMatchObject([
        406,
        { code: 'not_acceptable', available: ['application/json'] },
      ]);
    },
  );

  test('of a report names its own media type', async () => {
    const status = async (path: string, accept: string) => (await get(`/v1/readings/${reading}${path}`, accept)).status;
    expect(await status('/fhir', 'application/fhir+json')).toBe(200);
    expect(await status('/fhir', 'application/json')).toBe(200);
    expect(await status('/fhir', 'application/fhir+xml')).toBe(406);
    // The reading came from a PNG, so it has no report.
    expect(await status('/sr', 'application/dicom')).toBe(409);
    expect(await status('/sr', 'application/json')).toBe(406);
  });

  test('that cannot be satisfied is refused before the film is read', async () => {
    const read = vi.spyOn(service.engine, 'read');
    const headers = { 'content-type': 'image/png', accept: 'text/csv' };
    const answer = await post(service.app, '?findings=Edema', film('00000442_000.png'), 'image/png', { headers });
    expect([answer.status, read.mock.calls.length]).toEqual([406, 0]);
    read.mockRestore();
  });

  test('does not matter where there is no body, nor on pages', async () => {
    const removed = await service.app.request(`/v1/readings/${reading}`, {
      method: 'DELETE',
      headers: { accept: 'text/html' },
    });
    expect(removed.status).toBe(204);
    expect((await get('/docs', 'text/html')).status).toBe(200);
    expect((await get('/docs/scalar.js', 'text/javascript')).status).toBe(200);
  });
});
