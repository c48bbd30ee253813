import { afterAll, beforeAll, expect, test } from 'vitest';
import { film, openService, type Service } from '../support/service.ts';

let service: Service;
const keys = { busy: '', quiet: '' };
beforeAll(async () => {
  service = await openService({
    ALARA_WORKERS: '1',
    ALARA_QUEUE: '20',
    ALARA_AUTH: 'required',
    ALARA_DEADLINE_MS: '120000',
  });
  for (const tenant of ['busy', 'quiet'] as const)
    keys[tenant] = (await service.platform.access.createKey(tenant, ['readings'])).key;
});
afterAll(() => service?.close());

let sent = 0;
const read = async (tenant: keyof typeof keys): Promise<number> => {
  const body = new Uint8Array(Buffer.concat([film('00000442_000.png'), Buffer.from(String(++sent))]));
  const headers = { 'content-type': 'image/png', 'x-api-key': keys[tenant] };
  return (await service.app.request('/v1/readings?findings=Nodule', { method: 'POST', headers, body })).status;
};

test('a tenant that fills the queue neither blocks another tenant nor is read before it', {
  timeout: 120_000,
}, async () => {
  let answered = 0;
  const flood = Array.from({ length: 40 }, () =>
    read('busy').then((status) => {
      if (status === 201) answered++;
      return status;
    }),
  );
  // The films without a place are refused at once.
  expect(await Promise.race(flood)).toBe(503);
  expect(await read('quiet')).toBe(201);
  // The film that had begun, the next film in turn, and the films that arrived while the film of the quiet tenant was received.
  expect(answered).toBeLessThan(15);
  const statuses = await Promise.all(flood);
  expect(statuses.filter((status) => status === 201).length).toBeGreaterThanOrEqual(20);
  expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
});
