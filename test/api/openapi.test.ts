import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { advice } from '../../functions/core/fault-status.ts';
import { serve } from '../support/cli.ts';
import { type Document, resolved, type Schema, schemasIn } from '../support/contract.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { film, openService, type Service } from '../support/service.ts';

let service: Service;
let document: Document;

beforeAll(async () => {
  service = await openService();
  document = await (await service.app.request('/openapi.json')).json();
});
afterAll(() => service?.close());

const dicom = async (bits: 8 | 12) => part10(chestDataset(await chest({ columns: 512, rows: 512, bits })));

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

test('an operation has a name, a tag of the document and a description; names are unique', () => {
  const tags = document.tags.map(({ name }) => name);
  const names = operations().map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { operationId, tags: own, summary, description } of operations()) {
    expect(operationId).toMatch(/^[a-z][a-zA-Z]+$/);
    expect(tags, operationId).toEqual(expect.arrayContaining([...own]));
    expect([own.length, summary, description], operationId).toEqual([1, expect.any(String), expect.any(String)]);
  }
});

test('every example is as its schema describes; every JSON answer has an example, except large and foreign ones', () => {
  const { examples } = document.components;
  for (const [name, { value }] of Object.entries(examples))
    expect(service.contract?.violations({ $ref: `#/components/schemas/${name}` }, value), name).toEqual([]);
  const without = operations().flatMap(({ operationId, responses }) =>
    Object.entries(responses)
      .filter(([status, { content }]) => status.startsWith('2') && content?.['application/json'])
      .filter(([, { content }]) => content?.['application/json']?.examples === undefined)
      .map(() => operationId),
  );
  // 150 kB, 750 kB, and an empty object.
  expect(without).toEqual(['getCatalog', 'getEvaluation', 'notifyOfChange']);
});

test('every property and parameter has a description', () => {
  const undescribed = [...schemasIn(document, '')].flatMap(
    ([path, { properties = {}, in: place, name, description }]) => [
      ...Object.entries(properties as Record<string, Schema>)
        .filter(([, schema]) => schema.description === undefined && !hasDescription(schema))
        .map(([property]) => `${path}.${property}`),
      ...(typeof place === 'string' && typeof name === 'string' && description === undefined ? [path] : []),
    ],
  );
  expect(undescribed).toEqual([]);
});

/** Whether the schema that a reference or a list names has a description. */
function hasDescription(schema: Schema): boolean {
  const { $ref, items } = schema as { readonly $ref?: string; readonly items?: { readonly $ref?: string } };
  const name = ($ref ?? items?.$ref ?? '').split('/').at(-1) ?? '';
  return document.components.schemas[name]?.description !== undefined;
}

test('forms have no part but image: the service refuses other parts', async () => {
  for (const path of ['/v1/readings', '/v1/batches']) {
    const form = document.paths[path]?.['post']?.requestBody?.content['multipart/form-data']?.schema;
    expect(form).toMatchObject({ required: ['image'], additionalProperties: false });
    const body = new FormData();
    body.set('image', new Blob([film('nih_00000442_000.jpg')]), 'film.jpg');
    body.set('note', 'text');
    const answer = await service.app.request(path, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ code: 'malformed_multipart', problem: 'unknown part note' });
  }
});

test('the page of the document names its schemas so that they differ from the operations of models', async () => {
  expect(document.tags.map(({ name }: { readonly name: string }) => name)).toContain('Models');
  expect(await (await service.app.request('/docs/start.js')).text()).toContain("modelsSectionLabel: 'Schemas'");
});

test('the limits of the reference, the metadata and the study of a request are in the document', () => {
  type Parameter = { readonly name: string; readonly schema: Schema };
  const { parameters: shared = {} } = document.components as { readonly parameters?: Record<string, Parameter> };
  const parameter = (path: string, method: string, wanted: string) =>
    (
      (document.paths[path]?.[method]?.parameters ?? []) as readonly unknown[] as readonly (
        | Parameter
        | { readonly $ref: string }
      )[]
    )
      .map((each) => ('$ref' in each ? shared[each.$ref.split('/').at(-1) ?? ''] : each))
      .find((each) => each?.name === wanted)?.schema;
  const reference = { type: 'string', minLength: 1, maxLength: 200 };
  expect(parameter('/v1/readings', 'post', 'reference')).toMatchObject(reference);
  expect(parameter('/v1/readings', 'get', 'reference')).toMatchObject(reference);
  expect(document.components.schemas['NewJob']?.properties).toMatchObject({
    reference,
    metadata: {
      ...{ maxProperties: 20, propertyNames: { minLength: 1, maxLength: 40 } },
      additionalProperties: { type: 'string', maxLength: 200 },
    },
  });
  expect(parameter('/dicom-web/studies/{study}', 'post', 'study')).toMatchObject({
    maxLength: 64,
    pattern: '^[0-9]+(\\.[0-9]+)*$',
  });
});

test('the document has a schema for every code of an HTTP answer', () => {
  // Codes that only the outcome of a job has, and codes of requests that belong to no operation.
  const ofJobs = ['webhook_failed', 'webhook_refused', 'webhook_gone', 'pacs_unavailable', 'pacs_refused', 'film_gone'];
  const ofNoOperation = ['client_gone', 'method_not_allowed', 'dicomweb_not_offered'];
  const schemas = Object.values(document.components.schemas).map(({ properties }) => properties?.['code']?.enum);
  const described = schemas.flatMap((codes) => (codes?.length === 1 ? codes : []));
  const absent = Object.keys(advice).filter((code) => !described.includes(code));
  expect(absent.toSorted()).toEqual([...ofJobs, 'film_replaced', ...ofNoOperation].toSorted());
});

test('answers without a route match /openapi.json', async () => {
  const { url } = await serve();
  const get = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`${url}${path}`, { headers });
    const requestId = response.headers.get('x-request-id');
    return { status: response.status, requestId, body: await response.json() };
  };
  const tooLarge = await get('/health/live', { 'x-large': 'x'.repeat(20_000) });
  expect(tooLarge).toMatchObject({ status: 431, body: { code: 'headers_too_large' } });
  const { contract } = service;
  expect(contract?.violations({ $ref: '#/components/schemas/HeadersTooLargeProblem' }, tooLarge.body)).toEqual([]);
  expect(tooLarge.requestId).toBe(tooLarge.body.requestId);
});

test('no problem response, header or query parameter is written twice in the operations that need a key', () => {
  const written = operations()
    .filter(({ security }) => security.length > 0)
    .flatMap(({ responses, parameters = [] }) => [
      ...Object.values(responses).filter(({ content = {} }) => 'application/problem+json' in content),
      ...Object.values(responses).flatMap(({ headers = {} }) => Object.values(headers)),
      ...parameters.filter(({ in: place }) => place === 'query'),
    ])
    .filter((part) => !('$ref' in part))
    .map((part) => JSON.stringify(part));
  expect(written.length).toBeGreaterThan(20);
  expect(written.filter((part, i) => written.indexOf(part) !== i)).toEqual([]);
});

test('each component that an operation refers to exists, and has the name of its problems', () => {
  expect(() => resolved(document.paths, document)).not.toThrow();
  expect(document.paths['/v1/jobs/{id}']?.['get']?.responses['404']).toEqual({
    $ref: '#/components/responses/JobNotFound',
  });
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
