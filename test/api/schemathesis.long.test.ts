import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { filmCodes } from '../../functions/api/http/responses.ts';
import type { FaultCode } from '../../functions/core/fault.ts';
import { localTenant } from '../../functions/storage/access.ts';
import { alara, family, folder, serve, until } from '../support/cli.ts';
import type { Document } from '../support/contract.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset, uid } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { openReceiver } from '../support/webhook-receiver.ts';

const run = promisify(execFile);
const schemathesis = resolve('test/clients/.venv/bin/schemathesis');

/**
 * Problems of requests that are valid by the document, because a schema cannot state the rule. Each other problem of such a request is a
 * fault of the document.
 */
const beyondTheSchema: readonly FaultCode[] = [
  // The bytes of a film are a string of bytes in the document.
  ...filmCodes,
  // The target and the policy of a request decide together with the measurements of the family.
  'unreachable_target',
];

type Target = {
  readonly url: string;
  readonly authorization: string | undefined;
  /** A folder for the hooks: films, and `values.json`. */
  readonly place: string;
};

/** Write a film in each format, as small as the service reads them. Returns the DICOM film. */
async function writeFilms(to: string): Promise<Uint8Array<ArrayBuffer>> {
  mkdirSync(to);
  const small = sharp('test/films/00000442_000.png').resize(256, 256);
  writeFileSync(join(to, 'film.png'), await small.png().toBuffer());
  writeFileSync(join(to, 'film.jpg'), await small.jpeg().toBuffer());
  const dicom = part10(chestDataset(await chest({ columns: 256, rows: 256, bits: 12 })));
  writeFileSync(join(to, 'film.dcm'), dicom);
  return dicom;
}

type Source = {
  readonly url: string;
  readonly authorization: string | undefined;
  readonly webhook: string;
  readonly film: Uint8Array<ArrayBuffer>;
};

/** Schemas of values that exist, by parameter or by operation and parameter: names of the family, and ids of the service. */
async function valuesOf({ url, authorization, webhook, film }: Source): Promise<Record<string, object>> {
  async function call(
    method: string,
    path: string,
    body?: Uint8Array<ArrayBuffer> | object,
    type = 'application/json',
  ) {
    const headers = { 'content-type': type, ...(authorization !== undefined && { authorization }) };
    const bytes = body instanceof Uint8Array ? body : body && JSON.stringify(body);
    const answer = await fetch(new URL(path, url), { method, headers, ...(bytes && { body: bytes }) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  const read = async (query: string) => (await call('POST', `/v1/readings?${query}`, film, 'application/dicom')).id;
  const upload = async () => {
    const { id } = await call('POST', '/v1/uploads');
    await call('PUT', `/v1/uploads/${id}`, film, 'application/octet-stream');
    return id;
  };
  const { findings, variants } = family.catalog;
  const reading = await read('explain=heatmap');
  const deleted = await Promise.all(findings.slice(0, 4).map((finding) => read(`findings=${finding}`)));
  const used = await upload();
  const { id: job } = await call('POST', '/v1/jobs', { upload: used, webhook });
  const webhookJobs = async () => (await call('GET', '/v1/jobs?kind=webhook')).jobs;
  await until(async () => (await webhookJobs())[0]?.state === 'queued');
  const [waiting] = await webhookJobs();
  const { next: cursor } = await call('GET', '/v1/readings?limit=1');

  /** One of the values, or another text. */
  const known = (...values: readonly string[]) => ({ anyOf: [{ enum: values }, { type: 'string', minLength: 1 }] });
  const names = {
    findings: {
      anyOf: [{ enum: [findings.join(), ...findings] }, { type: 'array', items: { enum: findings }, minItems: 1 }],
    },
    finding: { enum: findings },
    policy: { enum: Object.keys(family.policies) },
    variant: { enum: variants.map(({ id }) => id) },
  };
  const number = (text: string, limits: object) => ({
    anyOf: [
      { type: 'string', pattern: text },
      { type: 'number', ...limits },
    ],
  });
  const target = '^(0|1|0?\\.[0-9]{1,5})$';
  const prevalence = '^0?\\.[0-9]{0,4}[1-9]$';
  return {
    ...names,
    ...Object.fromEntries(Object.entries(names).map(([name, schema]) => [`createJob.${name}`, schema])),
    minAuroc: { type: 'string', pattern: target },
    prevalence: { type: 'string', pattern: prevalence },
    'createJob.minAuroc': number(target, { minimum: 0, maximum: 1 }),
    'createJob.prevalence': number(prevalence, { minimum: 0.001, maximum: 0.999 }),
    metadata: { enum: ['{"ward":"A3"}', '{}'] },
    cursor: { enum: [cursor] },
    'createJob.upload': known(used),
    'createJob.webhook': { enum: [webhook] },
    'sendUpload.id': known(await upload()),
    'deleteUpload.id': known(await upload()),
    'deleteReading.id': known(...deleted),
    'getReading.id': known(reading),
    'getStructuredReport.id': known(reading),
    'getFhirBundle.id': known(reading),
    'getHeatmap.id': known(reading),
    'getTestFilm.name': known('chest.jpg', 'chest-16-bit.dcm'),
    'getJob.id': known(job),
    'cancelJob.id': known(waiting.id),
    'storeInstancesOfStudy.study': { enum: [uid('study'), uid('another study')] },
    'notifyOfChange.pacs': { enum: ['archive'] },
  };
}

/** A service with every optional part: keys, a host that receives webhooks, and a PACS. */
async function openTarget(environment: Record<string, string> = {}): Promise<Target> {
  const data = folder();
  // The receiver refuses each webhook, so the jobs of the webhooks wait and can be cancelled.
  const receiver = await openReceiver(() => ({ status: 503 }));
  onTestFinished(() => receiver.close());
  const isKeyed = environment['ALARA_AUTH'] === 'required';
  const tenant = isKeyed ? 'clinic' : localTenant;
  const options = ['--tenant', 'clinic', '--scopes', 'readings,jobs,pacs'];
  const created = await alara(['keys', 'create', ...options], { ALARA_DATA: data });
  await alara(['webhooks', 'allow', tenant, receiver.host], { ALARA_DATA: data });
  // Nothing listens at the discard port. The service accepts a notification all the same.
  const archive = { dicomWeb: 'http://127.0.0.1:9/dicom-web', orthanc: 'http://127.0.0.1:9', follow: {}, tenant };
  const { url } = await serve({
    ...{ ALARA_DATA: data, ALARA_PACS: JSON.stringify({ pacs: { archive } }), ALARA_DEADLINE_MS: '120000' },
    ...environment,
  });
  const authorization = isKeyed ? `Bearer ${created.stdout.trim()}` : undefined;
  const place = folder();
  const film = await writeFilms(join(place, 'films'));
  const values = await valuesOf({ url, authorization, webhook: `http://${receiver.host}/hook`, film });
  writeFileSync(join(place, 'values.json'), JSON.stringify(values));
  return { url, authorization, place };
}

type Ran = { readonly passed: boolean; readonly said: string };

/** Run Schemathesis with a document. Its output has the failures. */
async function runSchemathesis(
  { url, authorization, place }: Target,
  document: Document,
  ...options: readonly string[]
): Promise<Ran> {
  const file = join(place, 'openapi.json');
  writeFileSync(file, JSON.stringify(document));
  const header = authorization === undefined ? [] : ['--header', `Authorization: ${authorization}`];
  return run(schemathesis, ['run', file, '--url', url, '--no-color', ...header, ...options], {
    // The folder has `schemathesis.toml`.
    cwd: 'test/api/schemathesis',
    env: {
      ...process.env,
      ...{ PLACE: place, BEYOND_THE_SCHEMA: beyondTheSchema.join() },
      ...{ HYPOTHESIS_STORAGE_DIRECTORY: join(place, 'hypothesis'), PYTHONDONTWRITEBYTECODE: '1' },
    },
    maxBuffer: 100_000_000,
  }).then(
    ({ stdout }) => ({ passed: true, said: stdout }),
    ({ stdout, stderr }) => ({ passed: false, said: `${stdout}${stderr}` }),
  );
}

const documentOf = async (url: string): Promise<Document> => (await fetch(`${url}/openapi.json`)).json();

/** Every operation was tested, and no check found a fault. */
function expectNoFault({ passed, said }: Ran, document: Document): void {
  expect(passed, said).toBe(true);
  const operations = Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length;
  expect(said).toContain(`Selected: ${operations}/${operations}\n  Tested: ${operations}\n`);
}

test.skipIf(!existsSync(schemathesis))(
  'each operation answers valid and invalid requests as the document says (npm run pretest:long installs Schemathesis)',
  { timeout: 600_000 },
  async () => {
    const target = await openTarget();
    const document = await documentOf(target.url);
    // On loopback a caller needs no key, so `ignored_auth` is left to the next test. `object_level_authorization` needs users that sign up;
    // `test/behaviour/tenants-apart.test.ts` checks that no tenant sees another.
    expectNoFault(await runSchemathesis(target, document, '--exclude-checks', 'ignored_auth'), document);

    // The checks do run: they refuse a document that describes another answer.
    const health = structuredClone(document);
    Object.assign(health.paths['/health/live']?.['get']?.responses ?? {}, {
      200: { description: 'No body', content: { 'text/plain': {} } },
    });
    const refused = await runSchemathesis(target, health, '--include-operation-id', 'getLiveness');
    expect(refused).toEqual({ passed: false, said: expect.stringContaining('Undocumented Content-Type') });
  },
);

test.skipIf(!existsSync(schemathesis))(
  'no operation that needs a key answers without one (npm run pretest:long installs Schemathesis)',
  { timeout: 600_000 },
  async () => {
    const target = await openTarget({ ALARA_AUTH: 'required' });
    const document = await documentOf(target.url);
    // The first test has run the other phases.
    expectNoFault(await runSchemathesis(target, document, '--phases', 'examples,coverage'), document);
  },
);
