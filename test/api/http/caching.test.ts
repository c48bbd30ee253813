import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { film, openService, post, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service?.close());
const get = (path: string, headers: Record<string, string> = {}) => service.app.request(path, { headers });

/** Large answers that do not change while the service runs. */
const fixed = ['/v1/catalog', '/v1/evaluation', '/openapi.json', '/docs/scalar.js'];

describe.each(fixed)('%s', (path) => {
  test('has an ETag, and answers 304 without a body while the answer is the same', async () => {
    const first = await get(path);
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]+"$/);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await get(path, { 'if-none-match': tag });
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
      expect(again.headers.get('cache-control')).toBe(first.headers.get('cache-control'));
      expect(again.headers.get('x-request-id')).toMatch(/./);
    }
    const changed = await get(path, { 'if-none-match': '"other"' });
    expect([changed.status, await changed.text()]).toEqual([200, await first.text()]);
  });

  test.each([
    ['br', 'br'],
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['GZIP;q=0.5, br;q=0.1', 'gzip'],
    ['*', 'br'],
    ['br;q=0, gzip;q=0', null],
    ['identity, gzip;q=0.5', null],
    ['zstd', null],
    ['', null],
  ])('for Accept-Encoding: %s has Content-Encoding %s, and decodes to the same bytes', async (accepted, coding) => {
    const plain = Buffer.from(await (await get(path)).arrayBuffer());
    const response = await get(path, { 'accept-encoding': accepted });
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get('content-encoding')).toBe(coding);
    expect(response.headers.get('vary')).toBe('Accept-Encoding');
    expect(response.headers.get('content-length')).toBe(String(bytes.length));
    const decoded = coding === 'br' ? brotliDecompressSync(bytes) : coding === 'gzip' ? gunzipSync(bytes) : bytes;
    expect(decoded.equals(plain)).toBe(true);
    if (coding) expect(bytes.length).toBeLessThan(plain.length / 2);
  });

  test('has another ETag per coding, because the bytes differ', async () => {
    const tags = await Promise.all(
      ['br', 'gzip', 'identity'].map(async (coding) =>
        (await get(path, { 'accept-encoding': coding })).headers.get('etag'),
      ),
    );
    expect(new Set(tags).size).toBe(3);
    const [br] = tags;
    const again = await get(path, { 'accept-encoding': 'br', 'if-none-match': br ?? '' });
    expect(again.status).toBe(304);
  });

  test('answers HEAD with the headers of GET', async () => {
    const head = await service.app.request(path, { method: 'HEAD', headers: { 'accept-encoding': 'br' } });
    const { headers } = await get(path, { 'accept-encoding': 'br' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const name of ['etag', 'content-length', 'content-encoding', 'cache-control', 'vary', 'content-type'])
      expect(head.headers.get(name), name).toBe(headers.get(name));
  });
});

test('the catalog and the evaluation may be stored by their client only, and are revalidated before each use', async () => {
  for (const path of ['/v1/catalog', '/v1/evaluation'])
    expect((await get(path)).headers.get('cache-control')).toBe('private, no-cache');
});

test('a reading has an ETag, answers 304, and is stored by no cache', async () => {
  const created = await post(service.app, '?findings=Mass', film('00000442_000.png'));
  expect(created.headers.get('cache-control')).toBe('private, no-store');
  const { id } = await created.json();
  const first = await get(`/v1/readings/${id}`);
  const etag = first.headers.get('etag') ?? '';
  expect(etag).toMatch(/^"[0-9a-f]+"$/);
  const again = await get(`/v1/readings/${id}`, { 'if-none-match': etag });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect([first, again].map(({ headers }) => headers.get('cache-control'))).toEqual(Array(2).fill('private, no-store'));
});

test.each(['/v1/jobs', '/v1/jobs/x', '/v1/readings/x', '/v1/routes', '/v1/readings/x/fhir', '/v1/nothing'])(
  'the answer of %s is stored by no cache, a problem included',
  async (path) => {
    expect((await get(path)).headers.get('cache-control')).toBe('private, no-store');
  },
);
