import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openService, type Service } from '../../support/service.ts';

/** A server that answers nonsense and counts its requests. */
let asked: Record<string, number> = {};
const pacs = createServer((request, response) => {
  const [, name = ''] = (request.url ?? '').split('/');
  asked[name] = (asked[name] ?? 0) + 1;
  response.writeHead(503).end();
});
const folder = mkdtempSync(join(tmpdir(), 'alara-hooks-'));
const open: Service[] = [];

beforeAll(async () => {
  await new Promise<void>((resolve) => pacs.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await Promise.all(open.map((service) => service.close()));
  pacs.closeAllConnections();
  pacs.close();
  rmSync(folder, { recursive: true });
});

/** A service with these PACS. Without notifications it polls them once per hour. */
async function withPacs(...names: string[]): Promise<Service> {
  const { port } = pacs.address() as AddressInfo;
  const base = (name: string) => `http://127.0.0.1:${port}/${name}`;
  const entry = (name: string) => ({
    ...{ orthanc: base(name), dicomWeb: `${base(name)}/dicom-web`, follow: { everySeconds: 3600 } },
  });
  const path = join(folder, `${names.join('-')}.json`);
  writeFileSync(path, JSON.stringify({ pacs: Object.fromEntries(names.map((name) => [name, entry(name)])) }));
  const service = await openService({ ALARA_PACS: path, ALARA_WORKERS: '1' });
  open.push(service);
  await vi.waitFor(() => expect(Object.keys(asked)).toEqual(expect.arrayContaining(names)));
  return service;
}

const notify = (service: Service, query = '', init: RequestInit = {}) =>
  service.app.request(`/v1/hooks/orthanc${query}`, { method: 'POST', ...init });

test('a notification polls the PACS at once, with any body', async () => {
  const service = await withPacs('main');
  asked = {};
  const body = JSON.stringify({ pacs: 'http://elsewhere.example/', study: '1.2.3' });
  const answer = await notify(service, '', { body, headers: { 'content-type': 'application/json' } });
  expect([answer.status, await answer.json()]).toEqual([202, {}]);
  await vi.waitFor(() => expect(asked['main']).toBeGreaterThan(0));
  for (const init of [{}, { body: 'not JSON' }, { body: new Uint8Array(100_000) }])
    expect((await notify(service, '?pacs=main', init)).status).toBe(202);
});

test('with several PACS a notification names one, and only this one is polled', async () => {
  const service = await withPacs('north', 'south');
  asked = {};
  expect((await notify(service, '?pacs=south')).status).toBe(202);
  await vi.waitFor(() => expect(asked['south']).toBeGreaterThan(0));
  expect(asked['north']).toBeUndefined();
  expect(await (await notify(service)).json()).toMatchObject({ code: 'invalid_parameter', parameter: 'pacs' });
});

test('a notification for an unknown PACS is refused, also if no PACS is configured', async () => {
  const [service] = open;
  if (!service) throw new Error('the tests before this one open a service');
  const answer = await notify(service, '?pacs=elsewhere');
  expect([answer.status, await answer.json()]).toMatchObject([404, { code: 'unknown_pacs', known: ['main'] }]);
  expect(await (await notify(service, '?study=1.2.3')).json()).toMatchObject({ code: 'unknown_parameter' });
  const none = await openService({ ALARA_WORKERS: '1' });
  open.push(none);
  expect(await (await notify(none)).json()).toMatchObject({ code: 'unknown_pacs', known: [] });
});
