import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { signatureOf } from '../../../functions/jobs/handlers/webhook.ts';
import { parseParameters } from '../../../functions/routing/parameters.ts';
import type { Scope } from '../../../functions/storage/access.ts';
import { text } from '../../support/dicom/instance.ts';
import { tags } from '../../support/dicom/tags.ts';
import { unwrap } from '../../support/family.ts';
import { film as dicom, filmUid } from '../../support/pacs/films.ts';
import { film, openService, post, resolved, type Service } from '../../support/service.ts';
import { type Hook, openReceiver, type Receiver } from '../../support/webhook-receiver.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_MAX_UPLOAD_MB: '4' }, { retry: { baseMs: 10, capMs: 50 } });
});
afterAll(() => service?.close());

type Headers = Record<string, string>;
const native = film('00000442_000.png');
/** The same film with trailing bytes: the pixels are equal and the id differs. */
const variantOf = (i: number) => new Uint8Array(Buffer.concat([native, Buffer.of(i & 255, i >> 8)]));
const json = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const request = (path: string, init: RequestInit = {}, headers: Headers = {}) =>
  service.app.request(path, { ...init, headers: { ...(init.headers as Headers), ...headers } });

async function upload(bytes: Uint8Array<ArrayBuffer>, headers: Headers = {}): Promise<string> {
  const asked = await request('/v1/uploads', { method: 'POST' }, headers);
  expect(asked.status).toBe(201);
  const { id, url, method, headers: given } = await asked.json();
  const sent = await request(resolved(url, '/v1/uploads'), { method, headers: given, body: bytes }, headers);
  expect([sent.status, await sent.text()]).toEqual([204, '']);
  return id;
}
const submit = (body: unknown, headers: Headers = {}) => request('/v1/jobs', json(body), headers);
async function ended(id: string, headers: Headers = {}) {
  const look = async () => (await request(`/v1/jobs/${id}`, {}, headers)).json();
  await vi.waitFor(async () => expect(['done', 'failed', 'dead']).toContain((await look()).state), { timeout: 60_000 });
  return look();
}

describe('a job', () => {
  test('reads an upload as POST /v1/readings does', async () => {
    const id = await upload(native);
    const accepted = await submit({ upload: id, findings: 'Mass,Nodule', explain: 'heatmap' });
    expect([accepted.status, accepted.headers.get('retry-after')]).toEqual([202, '1']);
    const job = await accepted.json();
    const location = accepted.headers.get('location');
    expect(resolved(location, '/v1/jobs')).toBe(`/v1/jobs/${job.id}`);
    expect(resolved(location, '/prod/v1/jobs')).toBe(`/prod/v1/jobs/${job.id}`);
    expect(job).toMatchObject({ kind: 'film', state: 'queued', attempts: 0, progress: { done: 0, total: 1 } });
    expect(job).not.toHaveProperty('tenant');
    expect(job).not.toHaveProperty('input');
    const { state, outcomes, problem } = await ended(job.id);
    expect([state, outcomes, problem]).toEqual(['done', [{ reading: expect.stringMatching(/^rd_/) }], undefined]);
    const reading = await (await request(`/v1/readings/${outcomes[0].reading}`)).json();
    const direct = await post(service.app, '?findings=Mass,Nodule&explain=heatmap', native);
    // The id depends on the film and the request, not on the way into the service.
    expect(direct.status).toBe(200);
    expect(await direct.json()).toEqual(reading);
  });

  test('takes lists, numbers, booleans and objects, and is the job of the same parameters as text', async () => {
    const id = await upload(variantOf(30));
    const values = { findings: ['Nodule', 'mass'], minAuroc: { Nodule: 0.01 }, prevalence: 0.05, bestEffort: false };
    const job = await (await submit({ upload: id, ...values })).json();
    const text = { findings: 'Mass,Nodule', minAuroc: 'Nodule:0.01', prevalence: '0.05' };
    expect((await (await submit({ upload: id, ...text })).json()).id).toBe(job.id);
    expect(await ended(job.id)).toMatchObject({ state: 'done', outcomes: [{ reading: expect.any(String) }] });
  });

  test('has the operating point of its parameters', async () => {
    const id = await upload(variantOf(32));
    const { id: job } = await (await submit({ upload: id, findings: 'Mass', operatingPoint: 'sensitive' })).json();
    const { outcomes } = await ended(job);
    const reading = await (await request(`/v1/readings/${outcomes[0].reading}`)).json();
    expect(reading.findings[0].operatingPoint.name).toBe('sensitive');
    const refused = await submit({ upload: id, operatingPoint: 'best' });
    expect([refused.status, (await refused.json()).parameter]).toEqual([400, 'operatingPoint']);
  });

  test('repeats the reference and the metadata of its first request, as its reading does', async () => {
    const bytes = variantOf(31);
    const annotation = { reference: 'exam-1', metadata: { ward: 'A3' } };
    const job = await (await submit({ upload: await upload(bytes), findings: 'Mass', ...annotation })).json();
    expect(job).toMatchObject(annotation);
    const again = await submit({ upload: await upload(bytes), findings: 'Mass', reference: 'exam-2' });
    expect(await again.json()).toMatchObject({ id: job.id, ...annotation });
    const { outcomes, ...done } = await ended(job.id);
    expect(done).toMatchObject(annotation);
    const reading = await (await request(`/v1/readings/${outcomes[0].reading}`)).json();
    expect(reading).toMatchObject(annotation);
    const long = await submit({ upload: await upload(bytes), reference: 'x'.repeat(201) });
    expect([long.status, (await long.json()).parameter]).toEqual([400, 'reference']);
  });

  test('is the same job when it is submitted again, also with another upload of the film, and after its end', async () => {
    const bytes = variantOf(1);
    const [first, second] = [await upload(bytes), await upload(bytes)];
    const { id } = await (await submit({ upload: first, findings: 'Mass,Nodule' })).json();
    expect((await (await submit({ upload: second, findings: 'Nodule,Mass' })).json()).id).toBe(id);
    const before = await ended(id);
    const read = vi.spyOn(service.engine, 'read');
    const again = await submit({ upload: first, findings: 'Mass,Nodule', mediaType: 'image/png' });
    expect([again.status, again.headers.get('retry-after')]).toEqual([200, null]);
    expect(await again.json()).toEqual(before);
    expect(read).not.toHaveBeenCalled();
    read.mockRestore();
    const other = await (await submit({ upload: first, findings: 'Mass' })).json();
    expect(other.id).not.toBe(id);
    expect(await ended(other.id)).toMatchObject({ state: 'done' });
  });

  test('has its own copy of the film: a later change of the upload does not affect it', async () => {
    const id = await upload(variantOf(2));
    const { id: job } = await (await submit({ upload: id, findings: 'Mass' })).json();
    expect((await request(`/v1/uploads/${id}`, { method: 'PUT', body: variantOf(3) })).status).toBe(204);
    const { outcomes } = await ended(job);
    const asked = unwrap(parseParameters({ findings: 'Mass' }, service.router.vocabulary));
    expect(outcomes).toEqual([{ reading: await service.router.identify('local', variantOf(2), asked) }]);
    expect((await (await submit({ upload: id, findings: 'Mass' })).json()).id).not.toBe(job);
  });

  test('leaves no copy behind after repeated requests, nor after a new request for a given-up job', async () => {
    const id = await upload(variantOf(20));
    const ask = async () => (await submit({ upload: id, findings: 'Mass' })).json();
    const asked = await Promise.all([ask(), ask(), ask()]);
    const { id: job } = asked[0];
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    await ended(job);
    await service.platform.jobs.update(job, (known) => ({ ...known, state: 'dead', outcomes: [], attempts: 8 }));
    expect((await ask()).state).toBe('queued');
    expect(await ended(job)).toMatchObject({ state: 'done', attempts: 1, outcomes: [{ reading: expect.any(String) }] });
    await ask();
    const removed = await service.platform.blobs.size(JSON.stringify(['upload', 'local', id]));
    expect(removed).toBe(native.length + 2);
    // Only uploads are left: after a day the sweep removes nothing else.
    const uploads = await service.platform.blobs.prune(new Date(0));
    expect(uploads).toBe(0);
    const inputs = (await service.platform.jobs.list({ limit: 1000 })).flatMap(({ input }) =>
      input.kind === 'film' ? [input.upload] : [],
    );
    await vi.waitFor(async () => {
      for (const blob of inputs) expect(await service.platform.blobs.size(blob)).toBeUndefined();
    });
  });

  test('of a refused film fails with its reason and its fix', async () => {
    const id = await upload(new Uint8Array(native.subarray(0, 100_000)));
    const { id: job } = await (await submit({ upload: id })).json();
    expect(await ended(job)).toMatchObject({
      state: 'failed',
      attempts: 1,
      outcomes: [],
      problem: { code: 'corrupt_image', status: 422, type: '/problems/corrupt_image', fix: expect.any(String) },
    });
  });

  test('that failed because its film was gone is done after the film is sent again', async () => {
    const id = await upload(variantOf(6));
    const { id: job } = await (await submit({ upload: id, findings: 'Mass' })).json();
    await ended(job);
    await service.platform.jobs.update(job, (kept) => ({
      ...{ ...kept, state: 'failed', outcomes: [] },
      fault: { code: 'upload_not_found', id: job },
    }));
    const again = await submit({ upload: id, findings: 'Mass' });
    expect([again.status, (await again.json()).id]).toEqual([202, job]);
    expect(await ended(job)).toMatchObject({ state: 'done', attempts: 1, outcomes: [{ reading: expect.any(String) }] });
  });

  test('reads DICOM, and recognizes it by its first bytes', async () => {
    const id = await upload(new Uint8Array(await dicom('by job')));
    const { id: job } = await (await submit({ upload: id, findings: 'Mass' })).json();
    const { outcomes } = await ended(job);
    const reading = await (await request(`/v1/readings/${outcomes[0].reading}`)).json();
    expect(reading.dicom).toMatchObject({ modality: 'DX', viewPosition: 'PA' });
    expect(JSON.stringify(reading)).not.toContain(filmUid('by job', 1));
  });

  test('reads 50 films that are submitted at once', { timeout: 120_000 }, async () => {
    const ids = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const id = await upload(variantOf(100 + i));
        return (await (await submit({ upload: id, findings: 'Mass' })).json()).id as string;
      }),
    );
    expect(new Set(ids).size).toBe(50);
    const jobs = await Promise.all(
      ids.map(async (id) => {
        await vi.waitFor(async () => expect((await (await request(`/v1/jobs/${id}`)).json()).state).toBe('done'), {
          timeout: 100_000,
          interval: 250,
        });
        return (await request(`/v1/jobs/${id}`)).json();
      }),
    );
    expect(new Set(jobs.flatMap(({ outcomes }) => outcomes.map((o: { reading: string }) => o.reading))).size).toBe(50);
  });

  test('can be found by its state', async () => {
    const list = async (query: string) => (await request(`/v1/jobs${query}`)).json();
    const { jobs } = await list('?state=failed');
    expect(jobs.length).toBeGreaterThan(0);
    for (const { state } of jobs) expect(state).toBe('failed');
    expect((await list('?limit=2')).jobs).toHaveLength(2);
    expect((await list('?state=lost')).code).toBe('invalid_parameter');
    expect((await list('?limit=0')).code).toBe('invalid_parameter');
    expect((await list('?status=done')).code).toBe('unknown_parameter');
  });

  test('can be listed page by page, each job once', async () => {
    const list = async (query: string) => (await request(`/v1/jobs${query}`)).json();
    const { jobs: all, next: end } = await list('?limit=1000');
    expect([all.length > 5, end]).toEqual([true, undefined]);
    const ids: string[] = [];
    for (let query = '?limit=7'; ; ) {
      const { jobs, next } = await list(query);
      ids.push(...jobs.map(({ id }: { id: string }) => id));
      if (next === undefined) break;
      query = `?limit=7&cursor=${next}`;
    }
    expect(ids).toEqual(all.map(({ id }: { id: string }) => id));
    for (const cursor of ['x', 'WzFd', ''])
      expect(await list(`?cursor=${cursor}`)).toMatchObject({ code: 'invalid_parameter', parameter: 'cursor' });
  });
});

describe('cancelling', () => {
  const cancel = (id: string, headers: Headers = {}) => request(`/v1/jobs/${id}/cancel`, { method: 'POST' }, headers);

  test('ends a running job, tells its webhook, and the same request starts the job again', async () => {
    const { host, hooks, close } = await openReceiver();
    await service.platform.access.allowWebhooks('local', host);
    const upload_ = await upload(variantOf(40));
    const body = { upload: upload_, findings: 'Mass', webhook: `http://${host}/` };
    const read = vi.spyOn(service.engine, 'read').mockImplementation(
      (_, signal) =>
        new Promise((resolve) => {
          signal?.addEventListener('abort', () => resolve({ ok: false, fault: { code: 'client_gone' } }));
        }),
    );
    const { id } = await (await submit(body)).json();
    await vi.waitFor(() => expect(read).toHaveBeenCalled());
    const answer = await cancel(id);
    const job = await answer.json();
    expect([answer.status, job.state, job.problem]).toEqual([200, 'cancelled', undefined]);
    const settled = read.mock.results[0]?.value as ReturnType<typeof service.engine.read>;
    expect(await settled).toMatchObject({ ok: false });
    expect(await (await cancel(id)).json()).toEqual(job);
    expect(await (await request(`/v1/jobs/${id}`)).json()).toEqual(job);
    await vi.waitFor(() => expect(hooks).toHaveLength(1));
    expect(JSON.parse(hooks[0]?.body ?? '')).toMatchObject({
      type: 'job.finished',
      data: { job: { id, state: 'cancelled' } },
    });
    read.mockRestore();

    const again = await submit(body);
    expect([again.status, (await again.json()).id]).toEqual([202, id]);
    expect(await ended(id)).toMatchObject({ state: 'done' });
    await vi.waitFor(() => expect(hooks).toHaveLength(2));
    await close();
  });

  test('deletes the copy of the job and no upload: other findings may be asked until the upload is deleted', async () => {
    const id = await upload(variantOf(43));
    const read = vi.spyOn(service.engine, 'read').mockImplementation(
      (_, signal) =>
        new Promise((resolve) => {
          signal?.addEventListener('abort', () => resolve({ ok: false, fault: { code: 'client_gone' } }));
        }),
    );
    const job = await (await submit({ upload: id, findings: 'Mass' })).json();
    await cancel(job.id);
    read.mockRestore();
    const { input } = (await service.platform.jobs.get(job.id)) ?? {};
    expect(await service.platform.blobs.has(input?.kind === 'film' ? input.upload : '')).toBe(false);
    const other = await (await submit({ upload: id, findings: 'Nodule' })).json();
    // The job has its own copy.
    expect((await request(`/v1/uploads/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await ended(other.id)).toMatchObject({ state: 'done' });
    for (const gone of [
      await submit({ upload: id, findings: 'Edema' }),
      await request(`/v1/uploads/${id}`, { method: 'DELETE' }),
      await request('/v1/uploads/up_0', { method: 'DELETE' }),
    ])
      expect([gone.status, (await gone.json()).code]).toEqual([404, 'upload_not_found']);
  });

  test('is refused for a job that has ended, and for an unknown job', async () => {
    const { id } = await (await submit({ upload: await upload(variantOf(41)), findings: 'Mass' })).json();
    await ended(id);
    const late = await cancel(id);
    expect([late.status, await late.json()]).toMatchObject([409, { code: 'job_ended', state: 'done' }]);
    expect((await (await cancel('job_x')).json()).code).toBe('job_not_found');
  });
});

test('a tenant whose films take all the space gets space by deleting uploads, as the fix says', async () => {
  const small = await openService({ ALARA_QUOTA_MB: '1' });
  onTestFinished(() => small.close());
  const ask = async (path: string, init: RequestInit) => {
    const answer = await small.app.request(path, init);
    const text = await answer.text();
    return { status: answer.status, json: text === '' ? undefined : JSON.parse(text) };
  };
  const bytes = (i: number) => new Uint8Array(Buffer.concat([native, Buffer.alloc(430_000 - native.length, i)]));
  const uploaded = async (i: number) => {
    const { id } = (await ask('/v1/uploads', { method: 'POST' })).json;
    // The copy of a job is deleted after the job has ended.
    await vi.waitFor(async () =>
      expect((await ask(`/v1/uploads/${id}`, { method: 'PUT', body: bytes(i) })).status).toBe(204),
    );
    return id;
  };
  const read = async (upload: string) => {
    const { status, json: job } = await ask('/v1/jobs', json({ upload, findings: 'Mass' }));
    if (status !== 202) return { status, code: job.code, fix: job.fix };
    await vi.waitFor(async () => expect((await ask(`/v1/jobs/${job.id}`, {})).json.state).toBe('done'), 60_000);
    return { status };
  };
  const first = await uploaded(1);
  expect(await read(first)).toEqual({ status: 202 });
  const second = await uploaded(2);
  // Two uploads and the copy for the job.
  expect(await read(second)).toMatchObject({
    status: 429,
    code: 'quota_exceeded',
    fix: expect.stringContaining('DELETE /v1/uploads/{id}'),
  });
  expect((await ask(`/v1/uploads/${first}`, { method: 'DELETE' })).status).toBe(204);
  expect(await read(second)).toEqual({ status: 202 });
});

describe('the list of jobs', () => {
  test('has no webhooks, which are listed by their kind with the job and the address', async () => {
    const { host, close } = await openReceiver();
    await service.platform.access.allowWebhooks('local', host);
    const webhook = `http://${host}/`;
    const { id } = await (await submit({ upload: await upload(variantOf(42)), findings: 'Mass', webhook })).json();
    await ended(id);
    const kinds = async (query: string) =>
      new Set((await (await request(`/v1/jobs${query}`)).json()).jobs.map((job: { kind: string }) => job.kind));
    await vi.waitFor(async () => {
      const { jobs } = await (await request('/v1/jobs?kind=webhook')).json();
      expect(jobs).toContainEqual(expect.objectContaining({ kind: 'webhook', delivers: { job: id, url: webhook } }));
    });
    expect(await kinds('?limit=1000')).toEqual(new Set(['film']));
    expect(await kinds('?kind=webhook&limit=1000')).toEqual(new Set(['webhook']));
    expect((await (await request('/v1/jobs?kind=films')).json()).code).toBe('invalid_parameter');
    await close();
  });
});

describe('refuses', () => {
  const unknown = 'up_mhx2k1c0_00000000000000000000000000000000';
  test.each<[string, unknown, string, number]>([
    ['no upload', {}, 'invalid_parameter', 400],
    ['an unknown field', { upload: 'x', image: 'y' }, 'unknown_parameter', 400],
    ['an unknown finding', { upload: 'x', findings: 'Gout' }, 'unknown_finding', 400],
    ['an unknown media type', { upload: 'x', mediaType: 'image/gif' }, 'invalid_parameter', 400],
    ['text for a number', { upload: 'x', minAuroc: 'high' }, 'invalid_parameter', 400],
    ['a number that is no AUROC', { upload: 'x', minAuroc: 7 }, 'invalid_parameter', 400],
    ['a null', { upload: 'x', findings: null }, 'invalid_parameter', 400],
    ['something else than an id', { upload: '../../etc/passwd' }, 'upload_not_found', 404],
    ['an upload that was never sent', { upload: unknown }, 'upload_not_found', 404],
    ['a list', [], 'invalid_parameter', 400],
  ])('%s', async (_, body, code, status) => {
    const answer = await submit(body);
    expect([answer.status, (await answer.json()).code]).toEqual([status, code]);
  });

  test('a body that is not JSON, is not declared as JSON, or is too large', async () => {
    const send = (body: string, type: string) =>
      request('/v1/jobs', { method: 'POST', headers: { 'content-type': type }, body });
    const codes = await Promise.all(
      [
        send('{', 'application/json'),
        send('{}', 'text/plain'),
        send(JSON.stringify({ upload: 'x'.repeat(70_000) }), 'application/json'),
      ].map(async (answer) => [(await answer).status, (await (await answer).json()).code]),
    );
    expect(codes).toEqual([
      [400, 'malformed_json'],
      [400, 'malformed_json'],
      [413, 'body_too_large'],
    ]);
  });

  test('an upload that is empty or too large, with or without a declared length, and keeps nothing of it', async () => {
    const ask = async () => (await request('/v1/uploads', { method: 'POST' })).json();
    const { id, url, limitBytes } = await ask();
    expect(limitBytes).toBe(4_000_000);
    const put = (body: BodyInit, headers: Headers = {}) =>
      request(resolved(url, '/v1/uploads'), { method: 'PUT', body, duplex: 'half', headers } as RequestInit);
    const large = () => new Blob([new Uint8Array(limitBytes + 1)]);
    const answers = [
      await put(new Uint8Array(0)),
      await put(large().stream()),
      await put(large(), { 'content-length': String(limitBytes + 1) }),
    ];
    expect(await Promise.all(answers.map(async (a) => [a.status, (await a.json()).code]))).toEqual([
      [400, 'empty_body'],
      [413, 'body_too_large'],
      [413, 'body_too_large'],
    ]);
    expect((await (await submit({ upload: id })).json()).code).toBe('upload_not_found');
    const exact = await put(new Blob([new Uint8Array(limitBytes)]).stream());
    expect(exact.status).toBe(204);
    expect((await (await submit({ upload: id })).json()).code).toBe('not_an_image');
  });

  test('an upload that is older than a day', async () => {
    const id = await upload(variantOf(4));
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 24 * 3_600_000 });
    try {
      expect((await (await submit({ upload: id })).json()).code).toBe('upload_not_found');
      expect((await request(`/v1/uploads/${id}`, { method: 'PUT', body: native })).status).toBe(404);
    } finally {
      vi.useRealTimers();
    }
    expect((await submit({ upload: id, findings: 'Mass' })).status).toBe(202);
  });
});

describe('another tenant', () => {
  const keyFor = async (tenant: string, scopes: readonly Scope[] = ['jobs']) => ({
    authorization: `Bearer ${(await service.platform.access.createKey(tenant, scopes)).key}`,
  });

  test('finds neither uploads nor jobs, and its job of the same film is a separate job', async () => {
    const [north, south] = [await keyFor('north'), await keyFor('south')];
    const bytes = variantOf(5);
    const id = await upload(bytes, north);
    for (const headers of [south, {}])
      expect((await (await submit({ upload: id }, headers)).json()).code).toBe('upload_not_found');
    const mine = await (await submit({ upload: id, findings: 'Mass' }, north)).json();
    await ended(mine.id, north);
    for (const headers of [south, {}]) {
      const answer = await request(`/v1/jobs/${mine.id}`, {}, headers);
      expect([answer.status, (await answer.json()).code]).toEqual([404, 'job_not_found']);
    }
    const theirs = await (await submit({ upload: await upload(bytes, south), findings: 'Mass' }, south)).json();
    expect(theirs.id).not.toBe(mine.id);
    const { outcomes } = await ended(theirs.id, south);
    expect((await request(`/v1/readings/${outcomes[0].reading}`, {}, north)).status).toBe(404);
    const answer = await request(`/v1/jobs/${mine.id}/cancel`, { method: 'POST' }, south);
    expect([answer.status, (await answer.json()).code]).toEqual([404, 'job_not_found']);
    const listed = async (headers: Headers) =>
      (await (await request('/v1/jobs', {}, headers)).json()).jobs.map((job: { id: string }) => job.id);
    expect(await listed(north)).toEqual([mine.id]);
    expect(await listed(south)).toEqual([theirs.id]);
  });
});

describe('a webhook', () => {
  const open: Receiver[] = [];
  const receiver = async (...args: Parameters<typeof openReceiver>) => {
    const opened = await openReceiver(...args);
    open.push(opened);
    await service.platform.access.allowWebhooks('local', opened.host);
    return opened;
  };
  afterAll(() => Promise.all(open.map((one) => one.close())));
  const withHook = async (bytes: Uint8Array<ArrayBuffer>, webhook: string) => {
    const answer = await submit({ upload: await upload(bytes), findings: 'Mass', webhook });
    return { status: answer.status, body: await answer.json() };
  };

  test('reports the end of a job, signed according to Standard Webhooks', async () => {
    const { host, hooks } = await receiver();
    const { body: job } = await withHook(variantOf(10), `http://${host}/hooks/alara?site=3`);
    const finished = await ended(job.id);
    await vi.waitFor(() => expect(hooks).toHaveLength(1));
    const [{ headers, body, path } = { headers: {}, body: '', path: '' }] = hooks;
    expect(path).toBe('/hooks/alara?site=3');
    expect(headers['content-type']).toBe('application/json');
    const { type, timestamp, data } = JSON.parse(body);
    expect([type, timestamp]).toEqual(['job.finished', finished.updatedAt]);
    expect(data.job).toEqual(finished);

    const [id, seconds] = [headers['webhook-id'], headers['webhook-timestamp']];
    expect(Math.abs(Date.now() / 1000 - Number(seconds))).toBeLessThan(30);
    const { secret = '' } = (await service.platform.access.webhooks('local')) ?? {};
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    expect(key.length).toBeGreaterThanOrEqual(24);
    const mac = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${mac}`);
  });

  test('names no instance of a study', async () => {
    const { host, hooks } = await receiver();
    const { body: job } = await withHook(new Uint8Array(await dicom('told')), `http://${host}/`);
    await ended(job.id);
    await vi.waitFor(() => expect(hooks).toHaveLength(1));
    expect(hooks[0]?.body).not.toMatch(/2\.25\.|ALARA|sopInstanceUid/);
  });

  test('contains nothing of a DICOM header', async () => {
    const { host, hooks } = await receiver();
    const written = [text(tags.ViewPosition, 'CS', 'LAT MUSTERMANN')];
    const { body: job } = await withHook(new Uint8Array(await dicom('written', 1, written)), `http://${host}/`);
    expect(await ended(job.id)).toMatchObject({ state: 'failed', problem: { code: 'not_frontal_view' } });
    await vi.waitFor(() => expect(hooks).toHaveLength(1));
    expect(JSON.parse(hooks[0]?.body ?? '').data.job.problem).toEqual({
      ...{ code: 'not_frontal_view', type: '/problems/not_frontal_view', status: 422 },
      ...{ title: expect.any(String), fix: expect.any(String) },
    });
    expect(hooks[0]?.body).not.toMatch(/MUSTERMANN|LAT /);
  });

  test('is sent again until it is accepted, each time as the same message', async () => {
    const { host, hooks } = await receiver((n) => (n < 4 ? { status: n === 2 ? 404 : 500 } : { status: 200 }));
    const { body: job } = await withHook(variantOf(11), `http://${host}/`);
    expect((await ended(job.id)).state).toBe('done');
    await vi.waitFor(() => expect(hooks).toHaveLength(4), { timeout: 60_000 });
    expect(new Set(hooks.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(hooks.map(({ body }) => body)).size).toBe(1);
    const sent = (await service.platform.jobs.list({ limit: 50 })).find(
      ({ id }) => id === hooks[0]?.headers['webhook-id'],
    );
    await vi.waitFor(async () => expect((await service.platform.jobs.get(sent?.id ?? ''))?.state).toBe('done'));
  });

  test('has two signatures after a rotation of the secret, and one when the old secret has expired', async () => {
    const { access } = service.platform;
    const { host, hooks } = await receiver();
    const before = await access.webhooks('local');
    const signed = async (n: number, previousUntil: Date) => {
      const webhooks = await access.rotateWebhooks('local', previousUntil);
      await ended((await withHook(variantOf(n), `http://${host}/${n}`)).body.id);
      await vi.waitFor(() => expect(hooks.find(({ path }) => path === `/${n}`)).toBeDefined());
      const [{ headers, body } = { headers: {} as Hook['headers'], body: '' }] = hooks.filter(
        ({ path }) => path === `/${n}`,
      );
      const of = (secret = '') =>
        signatureOf(String(headers['webhook-id']), String(headers['webhook-timestamp']), body, secret);
      return { signatures: headers['webhook-signature'], of, secret: webhooks?.secret };
    };
    const both = await signed(15, new Date(Date.now() + 60_000));
    expect(both.signatures).toBe(`${both.of(both.secret)} ${both.of(before?.secret)}`);
    const one = await signed(16, new Date());
    expect(one.signatures).toBe(one.of(one.secret));
  });

  test('that gets 410 is not sent again; after another error status it is sent eight times at most', async () => {
    const telling = async (job: string) =>
      (await service.platform.jobs.list({ limit: 99 })).find(
        ({ input }) => input.kind === 'webhook' && input.job === job,
      );
    const gone = await receiver(() => ({ status: 410 }));
    const { body: first } = await withHook(variantOf(17), `http://${gone.host}/`);
    await ended(first.id);
    await vi.waitFor(async () => expect(await telling(first.id)).toMatchObject({ state: 'failed', attempts: 1 }));
    expect((await telling(first.id))?.fault).toEqual({ code: 'webhook_gone' });
    const refusing = await receiver(() => ({ status: 403 }));
    const { body: second } = await withHook(variantOf(18), `http://${refusing.host}/`);
    await ended(second.id);
    await vi.waitFor(async () => expect(await telling(second.id)).toMatchObject({ state: 'dead', attempts: 8 }), {
      timeout: 60_000,
    });
    expect((await telling(second.id))?.fault).toEqual({
      ...{ code: 'webhook_refused', problem: 'the receiver answered 403' },
    });
    expect([gone.hooks.length, refusing.hooks.length]).toEqual([1, 8]);
  });

  test('waits for the Retry-After of its receiver', async () => {
    const { host, hooks } = await receiver((n) =>
      n === 1 ? { status: 503, headers: { 'retry-after': '1' } } : { status: 204 },
    );
    const { body: job } = await withHook(variantOf(19), `http://${host}/`);
    await ended(job.id);
    await vi.waitFor(() => expect(hooks).toHaveLength(1));
    const first = performance.now();
    await vi.waitFor(() => expect(hooks).toHaveLength(2), { timeout: 60_000 });
    expect(performance.now() - first).toBeGreaterThan(900);
  });

  test('follows no redirect', async () => {
    const elsewhere = await openReceiver();
    open.push(elsewhere);
    const { host, hooks } = await receiver((n) =>
      n === 1 ? { status: 307, headers: { location: `http://${elsewhere.host}/` } } : { status: 204 },
    );
    const { body: job } = await withHook(variantOf(12), `http://${host}/`);
    await ended(job.id);
    await vi.waitFor(() => expect(hooks).toHaveLength(2));
    expect(elsewhere.hooks).toEqual([]);
  });

  test('reports a refused film as well', async () => {
    const { host, hooks } = await receiver();
    const { body: job } = await withHook(new Uint8Array(variantOf(13).subarray(0, 90_000)), `http://${host}/`);
    await vi.waitFor(() => expect(hooks).toHaveLength(1));
    expect(JSON.parse(hooks[0]?.body ?? '').data.job).toMatchObject({
      id: job.id,
      state: 'failed',
      problem: { code: 'corrupt_image' },
    });
  });

  test('is checked against the allowed targets again when it is sent', async () => {
    const { access, jobs } = service.platform;
    const { host, hooks } = await receiver();
    const listed = await access.webhooks('local');
    const webhooks = vi.spyOn(access, 'webhooks');
    webhooks.mockResolvedValueOnce(listed).mockResolvedValue({ hosts: [], secret: 'whsec_AAAA' });
    const { status, body: job } = await withHook(variantOf(14), `http://${host}/`);
    expect(status).toBe(202);
    await ended(job.id);
    const telling = async () =>
      (await jobs.list({ limit: 50 })).find(({ input }) => input.kind === 'webhook' && input.job === job.id);
    await vi.waitFor(async () => expect(await telling()).toMatchObject({ state: 'failed' }));
    webhooks.mockRestore();
    expect((await telling())?.fault).toMatchObject({ code: 'webhook_not_allowed', tenant: 'local', host });
    expect(hooks).toEqual([]);
  });

  test.each([
    ['a host that is not allowed', 'https://elsewhere.example/', 'webhook_not_allowed', 422],
    ['another port of an allowed host', 'https://listed.example:8443/', 'webhook_not_allowed', 422],
    ['plain HTTP to another machine', 'http://listed.example/', 'invalid_parameter', 400],
    ['another protocol', 'ftp://listed.example/', 'invalid_parameter', 400],
    ['a password', 'https://a:b@listed.example/', 'invalid_parameter', 400],
    ['no URL', 'listed.example', 'invalid_parameter', 400],
  ])('to %s is refused before the job is accepted', async (_, webhook, code, status) => {
    await service.platform.access.allowWebhooks('local', 'listed.example');
    const { status: answered, body } = await withHook(variantOf(15), webhook);
    expect([answered, body.code]).toEqual([status, code]);
  });
});
