import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guarded } from '../../../functions/api/http/auth.ts';
import { policyOf } from '../../../functions/api/http/rate-limit.ts';
import { createRateLimiter, type RateLimits } from '../../../functions/api/http/rate-limiter.ts';
import type { Scope } from '../../../functions/storage/access.ts';
import { film as pacsFilm } from '../../support/pacs/films.ts';
import { film, openService, post, type Service } from '../../support/service.ts';

/** A limiter with a clock that stands still until it is moved. */
function limiterOf(limits: RateLimits) {
  let time = 1234.5;
  const limiter = createRateLimiter(limits, () => time);
  if (!limiter) throw new Error('no limit');
  const { check, count, fields } = limiter;
  return {
    fields,
    count,
    /** Count a request if the limit allows it. */
    send(caller = 'one', policy: 'films' | 'requests' = 'films') {
      const fault = check(policy, caller);
      if (!fault) count(policy, caller, 1);
      return fault;
    },
    wait(ms: number) {
      time += ms;
    },
  };
}

describe('a limiter', () => {
  test('allows a minute of films at once, then one per share of the minute', () => {
    const { send, wait, fields } = limiterOf({ films: 3 });
    expect([send(), send(), send()]).toEqual([undefined, undefined, undefined]);
    expect(send()).toEqual({ code: 'throttled', policy: 'films', perMinute: 3, retryAfterMs: 20_000 });
    expect(fields('films', 'one')).toEqual({ 'ratelimit-policy': '"films";q=3;w=60', ratelimit: '"films";r=0;t=20' });
    wait(19_999);
    expect(send()).toMatchObject({ retryAfterMs: 1 });
    wait(1);
    expect(send()).toBeUndefined();
    expect(send()).toMatchObject({ code: 'throttled' });
  });

  test('counts callers and policies apart', () => {
    const { send, fields } = limiterOf({ films: 1, requests: 2 });
    expect([send('one'), send('two'), send('one', 'requests')]).toEqual([undefined, undefined, undefined]);
    expect(send('one')).toMatchObject({ policy: 'films' });
    expect(fields('requests', 'one')).toEqual({
      'ratelimit-policy': '"films";q=1;w=60, "requests";q=2;w=60',
      ratelimit: '"requests";r=1;t=30',
    });
    expect(fields('films', 'new')['ratelimit']).toBe('"films";r=1');
  });

  test('limits only the policies that have a limit', () => {
    const { send, fields } = limiterOf({ films: 1 });
    for (let i = 0; i < 10; i++) expect(send('one', 'requests')).toBeUndefined();
    expect(fields('requests', 'one')).toEqual({ 'ratelimit-policy': '"films";q=1;w=60' });
    expect(createRateLimiter({ films: undefined })).toBeUndefined();
  });

  test('a request with several films delays the next one, and a request that is given back delays none', () => {
    const { send, count, wait, fields } = limiterOf({ films: 6 });
    send();
    count('films', 'one', 9);
    expect(fields('films', 'one')['ratelimit']).toBe('"films";r=0;t=50');
    wait(50_000);
    expect(send()).toBeUndefined();
    count('films', 'one', -1);
    expect(send()).toBeUndefined();
    expect(send()).toMatchObject({ code: 'throttled' });
  });

  test('never refuses a caller that sends at most the limit in every minute', () => {
    const sending = fc.tuple(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.double({ min: 0, max: 40_000, noNaN: true })),
    );
    fc.assert(
      fc.property(sending, ([limit, pauses]) => {
        const { send, wait } = limiterOf({ films: limit });
        const sent: number[] = [];
        let time = 0;
        for (const pause of pauses) {
          wait(pause);
          time += pause;
          if (sent.filter((each) => each > time - 60_000).length >= limit) continue;
          sent.push(time);
          expect(send()).toBeUndefined();
        }
      }),
    );
  });

  test('lets a caller that waits as long as it is told send again, and never allows more than two minutes of films in one minute', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 40 }), (limit, requests) => {
        const { send, wait } = limiterOf({ films: limit });
        for (let i = 0; i < requests; i++) {
          const fault = send();
          if (fault === undefined) continue;
          wait('retryAfterMs' in fault ? fault.retryAfterMs : 0);
          expect(send()).toBeUndefined();
        }
      }),
    );
    const { send, wait } = limiterOf({ films: 60 });
    let allowed = 0;
    for (let time = 0; time < 60_000; time += 100, wait(100)) if (send() === undefined) allowed++;
    expect(allowed).toBeLessThanOrEqual(120);
  });
});

describe('a service with limits', () => {
  let service: Service;
  beforeAll(async () => {
    service = await openService({ ALARA_FILM_RATE: '2', ALARA_REQUEST_RATE: '4' });
  });
  afterAll(() => service?.close());
  const keyFor = async (...scopes: readonly Scope[]) => {
    const { key } = await service.platform.access.createKey('north', scopes);
    return { authorization: `Bearer ${key}` };
  };
  const ask = (path: string, headers: Record<string, string>, method = 'GET') =>
    service.app.request(path, { method, headers });
  const policies = '"films";q=2;w=60, "requests";q=4;w=60';

  test('a key gets 429 behind its limit, and each answer says what is left', async () => {
    const key = await keyFor('readings');
    const send = () =>
      post(service.app, '?findings=Mass', film('00000442_000.png'), 'image/png', {
        headers: { 'content-type': 'image/png', ...key },
      });
    const answers = [await send(), await send(), await send()];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('ratelimit-policy'))).toEqual([policies, policies, policies]);
    expect(answers.map(({ headers }) => headers.get('ratelimit')?.replace(/t=\d+/, 't'))).toEqual([
      '"films";r=1;t',
      '"films";r=0;t',
      '"films";r=0;t',
    ]);
    const [, , refused] = answers;
    const retryAfter = Number(refused?.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(20);
    expect(retryAfter).toBeLessThanOrEqual(30);
    expect(refused?.headers.get('ratelimit')).toBe(`"films";r=0;t=${retryAfter}`);
    expect(await refused?.json()).toMatchObject({ code: 'throttled', status: 429, policy: 'films', perMinute: 2 });
    // The same key may still ask for its readings, and another key of the same tenant may send films.
    expect((await ask('/v1/readings', key)).status).toBe(200);
    const other = await ask('/v1/jobs', await keyFor('jobs'), 'POST');
    expect([other.status, other.headers.get('ratelimit')?.slice(0, 11)]).toEqual([400, '"films";r=1']);
  });

  test('polling counts apart from films', async () => {
    const key = await keyFor('jobs');
    const polls = await Promise.all(Array.from({ length: 5 }, () => ask('/v1/jobs/job_none', key)));
    expect(polls.map(({ status }) => status)).toEqual([404, 404, 404, 404, 429]);
    expect(await polls[4]?.json()).toMatchObject({ code: 'throttled', policy: 'requests', perMinute: 4 });
    expect((await ask('/v1/jobs', key, 'POST')).status).toBe(400);
  });

  test('an unchanged answer and a refused one have the fields; health and documents have none', async () => {
    const key = await keyFor('readings');
    const { headers } = await ask('/v1/catalog', key);
    const unchanged = await ask('/v1/catalog', { ...key, 'if-none-match': headers.get('etag') ?? '' });
    expect([unchanged.status, unchanged.headers.get('ratelimit')?.slice(0, 14)]).toEqual([304, '"requests";r=2']);
    for (const path of ['/health/live', '/openapi.json', '/docs', '/none'])
      expect((await ask(path, key)).headers.has('ratelimit-policy'), path).toBe(false);
  });

  test('requests without a key count as one caller; requests with a wrong key or scope count against nobody', async () => {
    const jobs = await keyFor('jobs');
    for (let i = 0; i < 6; i++) {
      expect((await ask('/v1/catalog', { 'x-api-key': 'wrong' })).status).toBe(401);
      expect((await ask('/v1/hooks/orthanc', jobs, 'POST')).status).toBe(403);
    }
    expect((await ask('/v1/jobs', jobs)).headers.get('ratelimit')).toMatch(/^"requests";r=3/);
    const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await ask('/v1/jobs', {})).status));
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
  });

  test('each film of a batch and of a STOW-RS request counts', async () => {
    const key = await keyFor('readings', 'pacs');
    const form = new FormData();
    for (let i = 0; i < 3; i++) form.append('image', new File(['text'], 'film.png'));
    const batch = await service.app.request('/v1/batches', { method: 'POST', headers: key, body: form });
    expect([batch.status, batch.headers.get('ratelimit')]).toEqual([
      200,
      expect.stringMatching(/^"films";r=0;t=(59|60)$/),
    ]);

    const sender = await keyFor('pacs');
    const parts = await Promise.all([pacsFilm('limits', 1), pacsFilm('limits', 2), pacsFilm('limits', 3)]);
    const head = '\r\n--part\r\nContent-Type: application/dicom\r\n\r\n';
    const body = Buffer.concat([
      ...parts.flatMap((part) => [Buffer.from(head), part]),
      Buffer.from('\r\n--part--\r\n'),
    ]);
    const stored = await service.app.request('/dicom-web/studies', {
      method: 'POST',
      headers: { ...sender, 'content-type': 'multipart/related; type="application/dicom"; boundary=part' },
      body: new Uint8Array(body),
    });
    expect([stored.status, stored.headers.get('ratelimit')]).toEqual([
      200,
      expect.stringMatching(/^"films";r=0;t=(59|60)$/),
    ]);
  });

  test('a request that the whole service refuses counts against nobody', async () => {
    const key = await keyFor('readings');
    const { engine } = service;
    const overload = engine.overload;
    engine.overload = () => ({ code: 'queue_full', retryAfterMs: 1000 as never });
    const busy = await post(service.app, '', film('00000442_000.png'), 'image/png', { headers: key });
    engine.overload = overload;
    expect([busy.status, busy.headers.get('ratelimit')]).toEqual([503, '"films";r=2']);
  });
});

test('without a limit no answer has the fields', async () => {
  const service = await openService();
  try {
    const { status, headers } = await service.app.request('/v1/jobs');
    expect([status, headers.has('ratelimit'), headers.has('ratelimit-policy')]).toEqual([200, false, false]);
  } finally {
    await service.close();
  }
});

test('only requests that send a film count as films: an upload counts when its job is made', () => {
  const films = Object.keys(guarded).filter((route) => policyOf(route) === 'films');
  expect(films).toEqual([
    ...['POST /v1/readings', 'POST /v1/batches', 'POST /v1/jobs'],
    ...['POST /dicom-web/studies', 'POST /dicom-web/studies/:study'],
  ]);
});
