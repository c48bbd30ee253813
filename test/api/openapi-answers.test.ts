import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Document } from '../support/contract.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { lateral, film as pacsFilm, studyUid } from '../support/pacs/films.ts';
import { film, openService, post, type Service } from '../support/service.ts';
import { openReceiver } from '../support/webhook-receiver.ts';

/** A PACS that answers 503 to everything. */
const pacs = createServer((_, response) => response.writeHead(503).end());
const folder = mkdtempSync(join(tmpdir(), 'alara-answers-'));
let service: Service;
let document: Document;

beforeAll(async () => {
  await new Promise<void>((resolve) => pacs.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(pacs.address() as AddressInfo).port}`;
  const path = join(folder, 'pacs.json');
  const main = { orthanc: base, dicomWeb: `${base}/dicom-web`, follow: { everySeconds: 3600 } };
  writeFileSync(path, JSON.stringify({ pacs: { main } }));
  service = await openService({ ALARA_PACS: path });
  document = await (await service.app.request('/openapi.json')).json();
});
afterAll(async () => {
  await service?.close();
  pacs.closeAllConnections();
  pacs.close();
  rmSync(folder, { recursive: true });
});

type Init = Omit<RequestInit, 'headers'> & { readonly headers?: Record<string, string> };
/** The status of an answer that `openService` has compared with the document, and its JSON. */
async function call(path: string, init: Init = {}) {
  const response = await service.app.request(path, init);
  const { headers } = response;
  const isJson = /json/.test(headers.get('content-type') ?? '') && !headers.has('content-encoding');
  return { status: response.status, headers, json: isJson ? await response.json() : undefined };
}
const send = (path: string, type: string, body: RequestInit['body']) =>
  call(path, { method: 'POST', headers: { 'content-type': type }, body: body ?? null });
const submit = (body: object) => send('/v1/jobs', 'application/json', JSON.stringify(body));
const dicom = async (bits: 8 | 12) =>
  new Uint8Array(part10(chestDataset(await chest({ columns: 512, rows: 512, bits }))));
const related = (...parts: readonly Uint8Array[]) => {
  const head = '\r\n--part\r\nContent-Type: application/dicom\r\n\r\n';
  const body = parts.flatMap((part) => [Buffer.from(head), part]);
  return new Uint8Array(Buffer.concat([...body, Buffer.from('\r\n--part--\r\n')]));
};
const relatedType = 'multipart/related; type="application/dicom"; boundary=part';

/** Compare the answers of an operation with the document, one per successful status. */
const answersOf: Readonly<Record<string, () => Promise<void>>> = {
  async createReading() {
    expect((await send('/v1/readings', 'image/png', film('00000442_000.png'))).status).toBe(201);
    expect((await send('/v1/readings', 'image/png', film('00000442_000.png'))).status).toBe(200);
    const form = new FormData();
    form.set('image', new File([film('00000442_000.png')], 'film.png', { type: 'image/png' }));
    expect((await call('/v1/readings?findings=Nodule', { method: 'POST', body: form })).status).toBe(201);
    const headers = { 'content-type': 'image/png', prefer: 'respond-async' };
    const later = await call('/v1/readings?findings=Cardiomegaly', {
      method: 'POST',
      headers,
      body: film('00000442_000.png'),
    });
    expect(later.status === 202 ? 202 : later.json.code).toBe(202);
  },
  async createBatch() {
    const form = new FormData();
    form.append('image', new File([film('00000442_000.png')], 'film.png', { type: 'image/png' }));
    form.append('image', new File(['text'], 'text.txt'));
    const { status, json } = await call('/v1/batches?findings=Consolidation&view=summary', {
      method: 'POST',
      body: form,
    });
    expect(status).toBe(200);
    expect(json.outcomes).toMatchObject([{ filename: 'film.png' }, { problem: { code: 'not_an_image' } }]);
  },
  async getReading() {
    const { id } = await reading();
    const { headers } = await call(`/v1/readings/${id}`);
    const unchanged = await call(`/v1/readings/${id}`, { headers: { 'if-none-match': headers.get('etag') ?? '' } });
    expect(unchanged.status).toBe(304);
    expect((await call('/v1/readings/rd_0')).json).toMatchObject({ code: 'reading_not_found' });
  },
  async listReadings() {
    await reading();
    expect((await call('/v1/readings?limit=1')).json).toMatchObject({ readings: [{}] });
    expect((await call('/v1/readings?limit=0')).json).toMatchObject({ code: 'invalid_parameter' });
  },
  async deleteReading() {
    const { json } = await send('/v1/readings?findings=Fibrosis', 'image/png', film('00000442_000.png'));
    expect((await call(`/v1/readings/${json.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await call('/v1/readings/rd_0', { method: 'DELETE' })).status).toBe(404);
  },
  async getStructuredReport() {
    const read = await send('/v1/readings', 'application/dicom', await dicom(12));
    expect((await call(`/v1/readings/${read.json.id}/sr`)).status).toBe(200);
    expect((await call(`/v1/readings/${(await reading()).id}/sr`)).json).toMatchObject({ code: 'not_from_dicom' });
  },
  async getFhirBundle() {
    expect((await call(`/v1/readings/${(await reading()).id}/fhir`)).status).toBe(200);
  },
  async getHeatmap() {
    const { json } = await send('/v1/readings?findings=Mass&explain=heatmap', 'image/png', film('00000442_000.png'));
    expect((await call(`/v1/readings/${json.id}/heatmaps/mass`)).status).toBe(200);
    expect((await call(`/v1/readings/${json.id}/heatmaps/Edema`)).json).toMatchObject({
      code: 'heatmap_not_found',
    });
  },
  async listTestFilms() {
    expect((await call('/v1/test-films')).status).toBe(200);
  },
  async getTestFilm() {
    const { json } = await call('/v1/test-films');
    for (const { name } of json.films) expect((await call(`/v1/test-films/${name}`)).status).toBe(200);
    const { headers } = await call('/v1/test-films/chest.jpg');
    const unchanged = await call('/v1/test-films/chest.jpg', {
      headers: { 'if-none-match': headers.get('etag') ?? '' },
    });
    expect(unchanged.status).toBe(304);
    expect((await call('/v1/test-films/none.jpg')).json).toMatchObject({ code: 'not_found' });
  },
  async getPlan() {
    expect((await call('/v1/routes')).status).toBe(200);
    expect((await call('/v1/routes?minAuroc=0.99')).json).toMatchObject({ code: 'unreachable_target' });
    expect((await call('/v1/routes?findings=Noodle')).json).toMatchObject({ code: 'unknown_finding' });
    expect((await call('/v1/routes?findigs=Nodule')).json).toMatchObject({ code: 'unknown_parameter' });
  },
  async getCatalog() {
    const gzip = { 'accept-encoding': 'gzip' };
    const { headers } = await call('/v1/catalog', { headers: gzip });
    const etag = headers.get('etag') ?? '';
    const unchanged = await call('/v1/catalog', { headers: { ...gzip, 'if-none-match': etag } });
    expect(unchanged.status).toBe(304);
  },
  async getEvaluation() {
    const { headers } = await call('/v1/evaluation');
    const unchanged = await call('/v1/evaluation', { headers: { 'if-none-match': headers.get('etag') ?? '' } });
    expect(unchanged.status).toBe(304);
  },
  async createUpload() {
    await upload(film('00000442_000.png'));
  },
  async sendUpload() {
    expect((await call('/v1/uploads/up_0', { method: 'PUT' })).json).toMatchObject({ code: 'upload_not_found' });
  },
  async deleteUpload() {
    const path = `/v1/uploads/${await upload(film('00000442_000.png'))}`;
    expect((await call(path, { method: 'DELETE' })).status).toBe(204);
    expect((await call(path, { method: 'DELETE' })).json).toMatchObject({ code: 'upload_not_found' });
  },
  async createJob() {
    await ended(await job());
    const id = await upload(film('00000442_000.png'));
    expect((await submit({ upload: id, findings: ['Mass'] })).status).toBe(200);
    expect((await submit({ upload: id, webhook: 'https://ris.example.org' })).json).toMatchObject({
      code: 'webhook_not_allowed',
    });
  },
  async getJob() {
    await ended(await job());
    // A refused film has an outcome with a problem.
    const { json } = await submit({ upload: await upload(new Uint8Array(film('00000442_000.png').slice(0, 30_000))) });
    expect(await ended(json.id)).toMatchObject({ state: 'failed', problem: { code: 'corrupt_image' } });
  },
  async cancelJob() {
    // A film that is never read, so that its job has not ended.
    const read = vi.spyOn(service.engine, 'read').mockImplementation(
      (_, signal) =>
        new Promise((resolve) => {
          signal?.addEventListener('abort', () => resolve({ ok: false, fault: { code: 'client_gone' } }));
        }),
    );
    const { id } = (await submit({ upload: await upload(film('00000442_000.png')), findings: 'Hernia' })).json;
    const cancelled = await call(`/v1/jobs/${id}/cancel`, { method: 'POST' });
    expect([cancelled.status, cancelled.json.state]).toEqual([200, 'cancelled']);
    read.mockRestore();
    const done = await job();
    await ended(done);
    expect((await call(`/v1/jobs/${done}/cancel`, { method: 'POST' })).json).toMatchObject({ code: 'job_ended' });
  },
  async listJobs() {
    expect((await call('/v1/jobs?limit=2')).status).toBe(200);
    expect((await call('/v1/jobs?limit=0')).json).toMatchObject({ code: 'invalid_parameter' });
  },
  async storeInstances() {
    const [good, other] = [await pacsFilm('one'), await pacsFilm('one', 2, lateral)];
    expect((await send('/dicom-web/studies', relatedType, related(good))).status).toBe(200);
    expect((await send('/dicom-web/studies', relatedType, related(good, other))).status).toBe(202);
    expect((await send('/dicom-web/studies', relatedType, related(Buffer.from('none')))).status).toBe(409);
    const headers = { 'content-type': 'application/dicom', accept: 'application/dicom+xml' };
    const inXml = await call('/dicom-web/studies', { method: 'POST', headers, body: new Uint8Array(good) });
    expect([inXml.status, inXml.headers.get('content-type')]).toEqual([200, 'application/dicom+xml']);
  },
  async storeInstancesOfStudy() {
    const path = `/dicom-web/studies/${studyUid('two')}`;
    const [good, other] = [await pacsFilm('two'), await pacsFilm('three')];
    expect((await send(path, relatedType, related(good))).status).toBe(200);
    expect((await send(path, relatedType, related(good, other))).status).toBe(202);
    expect((await send(path, relatedType, related(other))).status).toBe(409);
  },
  async notifyOfChange() {
    expect((await call('/v1/hooks/orthanc', { method: 'POST' })).status).toBe(202);
    const none = await call('/v1/hooks/orthanc?pacs=none', { method: 'POST' });
    expect(none.json).toMatchObject({ code: 'unknown_pacs' });
  },
  async getLiveness() {
    expect((await call('/health/live')).status).toBe(200);
  },
  async getReadiness() {
    expect((await call('/health/ready')).status).toBe(200);
  },
};

const reading = async () => (await post(service.app, '', film('00000442_000.png'))).json();
async function upload(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const { json } = await call('/v1/uploads', { method: 'POST' });
  const sent = await call(`/v1/${json.url}`, { method: json.method, headers: json.headers, body: bytes });
  expect(sent.status).toBe(204);
  return json.id;
}
const job = async (): Promise<string> =>
  (await submit({ upload: await upload(film('00000442_000.png')), findings: ['Mass'] })).json.id;
const ended = (id: string) =>
  vi.waitFor(
    async () => {
      const { json } = await call(`/v1/jobs/${id}`);
      expect(['done', 'failed', 'dead']).toContain(json.state);
      return json;
    },
    { timeout: 60_000 },
  );

const operations = () => Object.values(document.paths).flatMap((ofPath) => Object.values(ofPath));

test.each(Object.entries(answersOf))('the answers of %s match /openapi.json', { timeout: 120_000 }, async (_, ask) => {
  await ask();
});

test('every operation has a validated answer for each status of success', () => {
  const promised = operations().flatMap(({ operationId, responses }) =>
    Object.keys(responses)
      .filter((status) => Number(status) < 400)
      .map((status) => `${operationId} ${status}`),
  );
  expect(promised.filter((answer) => !service.contract?.checked.has(answer))).toEqual([]);
  expect(Object.keys(answersOf).toSorted()).toEqual(
    operations()
      .map(({ operationId }) => operationId)
      .toSorted(),
  );
});

test.each([
  ['an 8-bit PNG', 8, async () => film('00000442_000.png'), 'image/png', ''],
  ['an 8-bit PNG with heat maps', 8, async () => film('00000442_000.png'), 'image/png', '?explain=heatmap'],
  ['a 16-bit PNG', 16, async () => film('derived_16bit.png'), 'image/png', ''],
  ['a JPEG', 8, async () => film('nih_00000442_000.jpg'), 'image/jpeg', ''],
  ['an 8-bit DICOM film', 8, () => dicom(8), 'application/dicom', ''],
  ['a 12-bit DICOM film', 16, () => dicom(12), 'application/dicom', ''],
] as const)('the reading of %s matches /openapi.json', async (_, bits, bytes, type, query) => {
  const { json } = await send(`/v1/readings${query}`, type, await bytes());
  expect(json).toMatchObject({ film: { bits } });
  const schema = { $ref: '#/components/schemas/Reading' };
  const violations = (film: object) => service.contract?.violations(schema, { ...json, film });
  expect(violations(json.film)).toEqual([]);
  // The comparison refuses values and properties that the document does not describe.
  expect(violations({ ...json.film, bits: 12 })).not.toEqual([]);
  expect(violations({ ...json.film, other: 1 })).not.toEqual([]);
});

test('a webhook is as the section `webhooks` describes it, and its signature is verified as described there', async () => {
  const { host, hooks, close } = await openReceiver();
  await service.platform.access.allowWebhooks('local', host);
  const good = await upload(film('00000442_000.png'));
  const broken = await upload(film('00000442_000.png').slice(0, 30_000));
  for (const id of [good, broken]) await submit({ upload: id, findings: 'Edema', webhook: `http://${host}/` });
  await vi.waitFor(() => expect(hooks).toHaveLength(2), { timeout: 60_000 });
  await close();

  const described = document.webhooks['job.finished']?.['post'];
  const schema = described?.requestBody?.content['application/json']?.schema ?? {};
  const { secret = '' } = (await service.platform.access.webhooks('local')) ?? {};
  for (const { headers, body } of hooks) {
    expect(service.contract?.violations(schema, JSON.parse(body))).toEqual([]);
    for (const { name } of described?.parameters ?? []) expect(headers, name).toHaveProperty(name);
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    expect(String(headers['webhook-signature']).split(' ')).toContain(expected);
  }
  const states = hooks.map(({ body }) => JSON.parse(body).data.job.state);
  expect(states.toSorted()).toEqual(['done', 'failed']);
});
