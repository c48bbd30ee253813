import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Reading } from '../../../functions/core/reading.ts';
import { ReadingSummary } from '../../../functions/core/reading-view.ts';
import { summarizeReading } from '../../../functions/results/present-reading.ts';
import type { Scope } from '../../../functions/storage/access.ts';
import { film, openService, post, type Service } from '../../support/service.ts';

let service: Service;
let read: Reading;
beforeAll(async () => {
  service = await openService();
  const answer = await post(service.app, '?findings=Mass,Nodule', film('00000442_000.png'));
  const { id } = await answer.json();
  const stored = await service.platform.readings.get('local', id);
  if (!stored) throw new Error('the reading is not stored');
  read = stored.reading;
});
afterAll(() => service?.close());

type Headers = Record<string, string>;
const keyFor = async (tenant: string, scopes: readonly Scope[] = ['readings']): Promise<Headers> => ({
  authorization: `Bearer ${(await service.platform.access.createKey(tenant, scopes)).key}`,
});
const get = async (query: string, headers: Headers = {}) =>
  (await service.app.request(`/v1/readings${query}`, { headers })).json();
const remove = (id: string, headers: Headers = {}) =>
  service.app.request(`/v1/readings/${id}`, { method: 'DELETE', headers });
const idsOf = (page: { readings: { id: string }[] }) => page.readings.map(({ id }) => id);

/** A tenant with `count` copies of the reading, one per minute. Copy number i is the i-th, oldest first. */
async function tenantWith(count: number, change: (i: number) => Partial<Reading> = () => ({})) {
  const tenant = `tenant ${Math.random()}`;
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const id = `rd_${String(i).padStart(4, '0')}`;
    const createdAt = new Date(Date.UTC(2026, 0, 1, 0, i)).toISOString();
    await service.platform.readings.put(tenant, { reading: { ...read, id, createdAt, ...change(i) }, instance: null });
    ids.unshift(id);
  }
  return { headers: await keyFor(tenant), ids };
}

async function everyPage(query: string, headers: Headers): Promise<string[]> {
  const ids: string[] = [];
  for (let next: string | undefined = ''; next !== undefined; ) {
    const page: { readings: { id: string }[]; next?: string } = await get(
      `${query}${next === '' ? '' : `&cursor=${next}`}`,
      headers,
    );
    ids.push(...idsOf(page));
    next = page.next;
  }
  return ids;
}

describe('GET /v1/readings', () => {
  test('lists the readings of the tenant as summaries', async () => {
    const { readings, next } = await get('');
    expect([readings.length, next]).toEqual([1, undefined]);
    expect(readings[0]).toEqual(JSON.parse(JSON.stringify(summarizeReading(read))));
    ReadingSummary.parse(readings[0]);
  });

  test('has pages with every reading once, newest first', async () => {
    const { headers, ids } = await tenantWith(7);
    for (const limit of [1, 3, 6, 7, 200]) expect(await everyPage(`?limit=${limit}`, headers)).toEqual(ids);
    const first = await get('?limit=7', headers);
    expect(first.next).toBeUndefined();
  });

  test('filters by time, finding, call, reference and film', async () => {
    const call = (i: number) => (i % 2 === 0 ? ('present' as const) : ('absent' as const));
    const { headers, ids } = await tenantWith(8, (i) => ({
      findings: read.findings
        .filter(({ finding }) => finding === 'Mass' || i === 5)
        .map((result) => ({ ...result, call: result.finding === 'Mass' ? call(i) : ('indeterminate' as const) })),
      ...(i === 2 && { reference: 'order 7' }),
      ...(i === 3 && { film: { ...read.film, digest: `sha256:${'a'.repeat(64)}` } }),
    }));
    const numbers = async (query: string) => (await everyPage(query, headers)).map((id) => Number(id.slice(3)));
    expect(ids).toHaveLength(8);
    expect(await numbers('?call=present&limit=3')).toEqual([6, 4, 2, 0]);
    expect(await numbers('?finding=nodule&limit=3')).toEqual([5]);
    expect(await numbers('?finding=Nodule&call=present')).toEqual([]);
    expect(await numbers('?call=indeterminate')).toEqual([5]);
    expect(await numbers('?reference=order%207')).toEqual([2]);
    expect(await numbers(`?film=sha256:${'a'.repeat(64)}`)).toEqual([3]);
    expect(await numbers('?from=2026-01-01T00:02:00Z&to=2026-01-01T00:05:00Z&limit=2')).toEqual([4, 3, 2]);
    expect(await numbers('?from=2026-01-01T01:06:00%2B01:00&call=present')).toEqual([6]);
    expect(await numbers('?from=2026-01-01T00:02Z&to=2026-01-01T00:05Z&limit=2')).toEqual([4, 3, 2]);
    expect(await numbers('?to=2026-01-01')).toEqual([]);
    expect(await numbers('?from=2026-01-01&to=2026-01-02')).toEqual(await numbers('?from=2026-01-01T00:00:00Z'));
  });

  test('goes on after a page without matches, because it compares a limited number of readings', async () => {
    const { headers } = await tenantWith(620, (i) => (i < 2 ? { reference: 'old' } : {}));
    const first = await get('?reference=old', headers);
    expect([first.readings, typeof first.next]).toEqual([[], 'string']);
    expect(await everyPage('?reference=old', headers)).toEqual(['rd_0001', 'rd_0000']);
  });

  test.each([
    ['?finding=Gout', 'unknown_finding'],
    ['?finding=Mass,Nodule', 'invalid_parameter'],
    ['?call=yes', 'invalid_parameter'],
    ['?from=yesterday', 'invalid_parameter'],
    ['?film=abc', 'invalid_parameter'],
    ['?limit=201', 'invalid_parameter'],
    ['?cursor=abc', 'invalid_parameter'],
    ['?patient=abc', 'unknown_parameter'],
  ])('refuses %s', async (query, code) => {
    expect(await get(query)).toMatchObject({ code });
  });

  test('refuses a time without an offset, and names the forms that are expected', async () => {
    for (const parameter of ['from', 'to'])
      expect(await get(`?${parameter}=2026-01-01T20:00:00.123`)).toMatchObject({
        ...{ code: 'invalid_parameter', parameter },
        problem: expect.stringMatching(/^expected a date, or a time with Z or an offset.*2026-01-31T20:00Z/),
      });
  });
});

describe('DELETE /v1/readings/{id}', () => {
  test('deletes the reading, and the film is read again under the same id', async () => {
    const create = () => post(service.app, '?findings=Edema', film('00000442_000.png'));
    const first = await create();
    const { id } = await first.json();
    const answer = await remove(id);
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    for (const gone of [await service.app.request(`/v1/readings/${id}`), await remove(id)])
      expect([gone.status, (await gone.json()).code]).toEqual([404, 'reading_not_found']);
    expect(idsOf(await get(''))).not.toContain(id);
    const again = await create();
    expect([first.status, again.status, (await again.json()).id]).toEqual([201, 201, id]);
  });

  test('lets a later job of the same film read it again', async () => {
    const submit = async () => {
      const headers = { prefer: 'respond-async' };
      const answer = await post(service.app, '?findings=Pneumonia', film('00000442_000.png'), 'image/png', {
        headers: { 'content-type': 'image/png', ...headers },
      });
      const job = await answer.json();
      await vi.waitFor(async () => {
        const { state } = await (await service.app.request(`/v1/jobs/${job.id}`)).json();
        expect(state).toBe('done');
      });
      return (await (await service.app.request(`/v1/jobs/${job.id}`)).json()) as {
        id: string;
        outcomes: { reading: string }[];
      };
    };
    const first = await submit();
    const reading = first.outcomes[0]?.reading ?? '';
    expect((await remove(reading)).status).toBe(204);
    expect(await submit()).toMatchObject({ id: first.id, outcomes: first.outcomes });
    expect((await service.app.request(`/v1/readings/${reading}`)).status).toBe(200);
  });

  test('of another tenant finds nothing, and a key without the scope is refused', async () => {
    const { headers, ids } = await tenantWith(1);
    const [id = ''] = ids;
    const stranger = await keyFor('stranger');
    expect((await get('', stranger)).readings).toEqual([]);
    expect((await remove(id, stranger)).status).toBe(404);
    const pacs = await keyFor('stranger', ['pacs']);
    expect((await remove(id, pacs)).status).toBe(403);
    expect(idsOf(await get('', headers))).toEqual([id]);
    expect((await remove(id, headers)).status).toBe(204);
  });
});
