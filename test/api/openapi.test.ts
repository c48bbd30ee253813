import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { advice } from '../../functions/core/fault-status.ts';
import { serve } from '../support/cli.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { film, openService, post, type Service } from '../support/service.ts';

let service: Service;
let document: { readonly paths: Record<string, Record<string, Described>>; readonly components: unknown };
type Described = {
  readonly responses: Record<string, { content?: Record<string, { schema?: object }> }>;
  readonly requestBody?: unknown;
  readonly security: readonly unknown[];
  readonly 'x-codeSamples': readonly { readonly source: string }[];
};

beforeAll(async () => {
  service = await openService();
  document = await (await service.app.request('/openapi.json')).json();
});
afterAll(() => service?.close());

/** Violations of the schema that the served document has for this answer. */
function faults(method: string, path: string, status: number, mediaType: string, answer: unknown) {
  const { schema } = document.paths[path]?.[method]?.responses[status]?.content?.[mediaType] ?? {};
  if (!schema) throw new Error(`no schema for ${method} ${path} ${status} ${mediaType}`);
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const validate = ajv.compile({ ...schema, components: document.components });
  return validate(answer) ? [] : validate.errors;
}

const dicom = async (bits: 8 | 12) => part10(chestDataset(await chest({ columns: 512, rows: 512, bits })));

test.each([
  ['an 8-bit PNG', 8, () => film('00000442_000.png'), 'image/png', ''],
  ['an 8-bit PNG with heat maps', 8, () => film('00000442_000.png'), 'image/png', '?explain=heatmap'],
  ['a 16-bit PNG', 16, () => film('derived_16bit.png'), 'image/png', ''],
  ['a JPEG', 8, () => film('nih_00000442_000.jpg'), 'image/jpeg', ''],
  ['an 8-bit DICOM film', 8, () => dicom(8), 'application/dicom', ''],
  ['a 12-bit DICOM film', 16, () => dicom(12), 'application/dicom', ''],
] as const)('the reading of %s matches /openapi.json', async (_, bits, bytes, type, query) => {
  const response = await post(service.app, query, new Uint8Array(await bytes()), type);
  const reading = await response.json();
  expect(reading).toMatchObject({ film: { bits } });
  expect(faults('post', '/v1/readings', response.status, 'application/json', reading)).toEqual([]);
  expect(
    faults('post', '/v1/readings', response.status, 'application/json', {
      ...reading,
      film: { ...reading.film, bits: 12 },
    }),
  ).not.toEqual([]);
});

test('a problem matches /openapi.json', async () => {
  const response = await post(service.app, '?findings=Gout', film('00000442_000.png'));
  expect(faults('post', '/v1/readings', response.status, 'application/problem+json', await response.json())).toEqual(
    [],
  );
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, ofPath]) =>
    Object.entries(ofPath).map(([method, operation]) => ({ method, path, ...operation })),
  );

test('every operation describes the answers of the server before it and of the store behind it', () => {
  for (const { method, path, responses, requestBody, security } of operations()) {
    const described = Object.keys(responses);
    expect(described, `${method} ${path}`).toEqual(expect.arrayContaining(['400', '431', '500']));
    if (requestBody) expect(described, `${method} ${path}`).toEqual(expect.arrayContaining(['408', '415']));
    if (security.length > 0) expect(described, `${method} ${path}`).toContain('503');
  }
});

test('the document has every code of an HTTP answer', () => {
  // Except for codes that only the outcome of a job has, and for the code of an answer that has no receiver.
  const elsewhere = [
    'webhook_failed',
    'webhook_refused',
    'webhook_gone',
    'pacs_unavailable',
    'pacs_refused',
    'film_gone',
    'film_replaced',
  ];
  const text = JSON.stringify(document);
  const absent = Object.keys(advice).filter((code) => !text.includes(`\`${code}\``));
  expect(absent.toSorted()).toEqual([...elsewhere, 'client_gone'].toSorted());
});

test('answers without a route match /openapi.json', async () => {
  const { url } = await serve();
  const get = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`${url}${path}`, { headers });
    return { status: response.status, body: await response.json() };
  };
  const tooLarge = await get('/health/live', { 'x-large': 'x'.repeat(20_000) });
  expect(tooLarge).toMatchObject({ status: 431, body: { code: 'headers_too_large' } });
  expect(faults('get', '/health/live', 431, 'application/problem+json', tooLarge.body)).toEqual([]);
  const unknown = await get('/v1/catalog?x=1', {});
  expect(unknown).toMatchObject({ status: 400, body: { code: 'unknown_parameter' } });
  expect(faults('get', '/v1/catalog', 400, 'application/problem+json', unknown.body)).toEqual([]);
});

test('every operation has a curl sample with a host, and no generated parameter', () => {
  for (const [path, operations] of Object.entries(document.paths))
    for (const [method, { 'x-codeSamples': samples }] of Object.entries(operations)) {
      const [sample] = samples;
      expect(sample?.source, `${method} ${path}`).toMatch(/^curl .*'http:\/\/127\.0\.0\.1:8080\/[^?]*'$/);
      expect(sample?.source).not.toMatch(/--data /);
    }
});

test('the curl samples work when pasted', { timeout: 120_000 }, async () => {
  const { url } = await serve();
  const folder = mkdtempSync(join(tmpdir(), 'alara-samples-'));
  try {
    copyFileSync('test/films/00000442_000.png', join(folder, 'film.png'));
    writeFileSync(join(folder, 'film.dcm'), await dicom(12));
    /** The status of a sample that is pasted with the ids of earlier answers. */
    const paste = (method: string, path: string, ids: Record<string, string> = {}) => {
      let line = document.paths[path]?.[method]?.['x-codeSamples'][0]?.source ?? '';
      for (const [name, id] of Object.entries(ids)) line = line.replace(name, id);
      const output = execFileSync(
        'sh',
        ['-c', `${line.replace('http://127.0.0.1:8080', url)} -sS -w '\\n%{http_code}'`],
        {
          ...{ cwd: folder, encoding: 'utf8' },
        },
      );
      const [, body = '', status] = /^([\s\S]*)\n(\d+)$/.exec(output) ?? [];
      return { status: Number(status), body };
    };
    const read = paste('post', '/v1/readings');
    expect(read.status, read.body).toBe(201);
    const { id } = JSON.parse(read.body);
    expect(paste('get', '/v1/readings/{id}', { ID: id }).status).toBe(200);
    expect(paste('get', '/v1/routes').status).toBe(200);
    const upload = JSON.parse(paste('post', '/v1/uploads').body);
    expect(paste('put', '/v1/uploads/{id}', { ID: upload.id }).status).toBe(204);
    expect(paste('post', '/v1/jobs', { UPLOAD: upload.id }).status).toBe(202);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
