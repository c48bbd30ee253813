import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Aws, hasAws, startAws } from '../../support/aws.ts';
import { film, openService, type Service } from '../../support/service.ts';

describe.skipIf(!hasAws)('uploads to S3 (npm run pretest installs SeaweedFS and moto)', () => {
  let aws: Aws;
  let service: Service;
  beforeAll(async () => {
    aws = await startAws();
    const environment = { ...aws.environment, ...(await aws.createStores()), ALARA_MAX_UPLOAD_MB: '1' };
    service = await openService({ ...environment, ALARA_WORKERS: '1', ALARA_AUTH: 'required' });
  });
  afterAll(async () => {
    await service?.close();
    await aws?.close();
  });

  const native = film('00000442_000.png');
  const key = async (tenant: string) => {
    const { key } = await service.platform.access.createKey(tenant, ['jobs', 'readings']);
    return { authorization: `Bearer ${key}` };
  };
  const begin = async (headers: Record<string, string>) => {
    const answer = await service.app.request('/v1/uploads', { method: 'POST', headers });
    expect(answer.status).toBe(201);
    return answer.json();
  };
  const ask = (upload: string, headers: Record<string, string>) =>
    service.app.request('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ upload, findings: 'Mass' }),
    });

  test('use an absolute URL, need no API key, and are read', async () => {
    const headers = await key('clinic');
    const given = await begin(headers);
    expect(given.url).toContain(`${aws.environment['AWS_ENDPOINT_URL_S3']}/`);
    expect(given.limitBytes).toBe(1_000_000);
    // The URL reveals neither the tenant nor the upload of the film.
    expect(given.url).not.toContain(given.id);
    expect(given.url).not.toContain('clinic');
    const leftMs = Date.parse(given.expiresAt) - Date.now();
    expect(leftMs).toBeGreaterThan(3_500_000);
    expect(leftMs).toBeLessThanOrEqual(3_600_000);
    const sent = await fetch(given.url, { method: given.method, headers: given.headers, body: native });
    expect(sent.status).toBe(200);
    const { id } = await (await ask(given.id, headers)).json();
    await vi.waitFor(
      async () =>
        expect(await (await service.app.request(`/v1/jobs/${id}`, { headers })).json()).toMatchObject({
          state: 'done',
        }),
      { timeout: 60_000 },
    );
  });

  test('belong to their tenant', async () => {
    const given = await begin(await key('clinic'));
    expect((await fetch(given.url, { method: 'PUT', headers: given.headers, body: native })).status).toBe(200);
    const answer = await ask(given.id, await key('practice'));
    expect([answer.status, (await answer.json()).code]).toEqual([404, 'upload_not_found']);
  });

  test('that are too large, empty or never sent are refused when a job uses them', async () => {
    const headers = await key('clinic');
    const refused = async (body?: Uint8Array<ArrayBuffer>) => {
      const given = await begin(headers);
      if (body) expect((await fetch(given.url, { method: 'PUT', headers: given.headers, body })).status).toBe(200);
      const answer = await ask(given.id, headers);
      return [answer.status, (await answer.json()).code];
    };
    expect(await refused(new Uint8Array(1_000_001))).toEqual([413, 'body_too_large']);
    expect(await refused(new Uint8Array())).toEqual([400, 'empty_body']);
    expect(await refused()).toEqual([404, 'upload_not_found']);
  });

  test('can still go through the service if the client cannot reach S3', async () => {
    const headers = await key('clinic');
    const { id } = await begin(headers);
    const put = await service.app.request(`/v1/uploads/${id}`, { method: 'PUT', headers, body: native });
    expect(put.status).toBe(204);
    expect([200, 202]).toContain((await ask(id, headers)).status);
  });
});
