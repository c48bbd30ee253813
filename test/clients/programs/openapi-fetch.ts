// Uses a client of openapi-typescript and openapi-fetch. The test generates `schema.d.ts`, compiles this file strictly and runs it.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import createClient from 'openapi-fetch';
import type { components, paths } from './generated/schema.js';

const [baseUrl = '', webhook = '', key = ''] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
const bytes = new Blob([await readFile('film.dcm')]);
const query = { findings: ['Nodule', 'Edema'] };

function must<Value>(value: Value | undefined, error: unknown): Value {
  if (value === undefined) throw new Error(JSON.stringify(error));
  return value;
}
type Schemas = components['schemas'];
/** The answer is a reading in the full form unless `view` asks for the summary, or `Prefer: respond-async` for a job. */
function full(answer: Schemas['Reading'] | Schemas['ReadingSummary'] | Schemas['Job']) {
  if (!('film' in answer)) throw new Error('no full reading');
  return answer;
}

const raw = await client.POST('/v1/readings', {
  params: { query },
  body: bytes,
  bodySerializer: (body) => body,
  headers: { 'content-type': 'application/dicom' },
});
const reading = full(must(raw.data, raw.error));
const bits: 8 | 16 = reading.film.bits;

const form = await client.POST('/v1/readings', {
  params: { query },
  body: { image: bytes },
  bodySerializer: () => {
    const data = new FormData();
    data.set('image', bytes, 'film.dcm');
    return data;
  },
});
const again = full(must(form.data, form.error));

const begun = await client.POST('/v1/uploads');
const upload = must(begun.data, begun.error);
const sent = await client.PUT('/v1/uploads/{id}', {
  params: { path: { id: upload.id } },
  body: bytes,
  bodySerializer: (body) => body,
  headers: { 'content-type': 'application/octet-stream' },
});
if (sent.error) throw new Error(sent.error.code);
const submitted = await client.POST('/v1/jobs', { body: { upload: upload.id, findings: ['Nodule'], webhook } });
let job = must(submitted.data, submitted.error);
while (job.state === 'queued' || job.state === 'running') {
  await delay(200);
  const polled = await client.GET('/v1/jobs/{id}', { params: { path: { id: job.id } } });
  job = must(polled.data, polled.error);
}

const refused = await client.POST('/v1/readings', {
  body: new Blob([await readFile('tiny.png')]),
  bodySerializer: (body) => body,
  headers: { 'content-type': 'image/png' },
});
const error = refused.error;
// `code` narrows the union: `shortSide` and `floor` exist on TooSmallProblem only.
const typed = error?.code === 'too_small' ? { shortSide: error.shortSide, floor: error.floor } : undefined;

const { low, high } = reading.findings[0]?.operatingPoint ?? {};
console.log(
  JSON.stringify({ bits, same: again.id === reading.id, low, high, state: job.state, outcome: job.outcomes[0], typed }),
);
