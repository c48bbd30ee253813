// Uses a client of @hey-api/openapi-ts. The test generates the folder `generated`, compiles this file strictly and runs it.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { client } from './generated/client.gen.js';
import type { CreateReadingErrors, CreateReadingResponses, Job, Reading, ReadingSummary } from './generated/index.js';
import { createJob, createReading, createUpload, getJob, sendUpload } from './generated/index.js';

const [baseUrl = '', webhook = '', key = ''] = process.argv.slice(2);
client.setConfig({ baseUrl, headers: { authorization: `Bearer ${key}` } });
const bytes = new Blob([await readFile('film.dcm')]);
const query = { findings: ['Nodule', 'Edema'] };

function must<Value>(value: Value | undefined, error: unknown): Value {
  if (value === undefined) throw new Error(JSON.stringify(error));
  return value;
}
/** The answer is a reading in the full form unless `view` asks for the summary, or `Prefer: respond-async` for a job. */
function full(answer: Reading | ReadingSummary | Job): Reading {
  if (!('film' in answer)) throw new Error('no full reading');
  return answer;
}

// `createReading` sends a form, the first media type of the operation. A raw body goes through the client, with the same types.
const post = (body: Blob, type: string) =>
  client.post<CreateReadingResponses, CreateReadingErrors>({
    url: '/v1/readings',
    query,
    body,
    bodySerializer: null,
    headers: { 'Content-Type': type },
  });
const raw = await post(bytes, 'application/dicom');
const reading = full(must(raw.data, raw.error));
const bits: 8 | 16 = reading.film.bits;

const form = await createReading({ query, body: { image: new File([bytes], 'film.dcm') } });
const again = full(must(form.data, form.error));

const begun = await createUpload();
const upload = must(begun.data, begun.error);
const sent = await sendUpload({ path: { id: upload.id }, body: bytes });
if (sent.error) throw new Error(sent.error.code);
const submitted = await createJob({ body: { upload: upload.id, findings: ['Nodule'], webhook } });
let job = must(submitted.data, submitted.error);
while (job.state === 'queued' || job.state === 'running') {
  await delay(200);
  const polled = await getJob({ path: { id: job.id } });
  job = must(polled.data, polled.error);
}

const refused = await post(new Blob([await readFile('tiny.png')]), 'image/png');
const error = refused.error;
// `code` narrows the union: `shortSide` and `floor` exist on TooSmallProblem only.
const typed = error?.code === 'too_small' ? { shortSide: error.shortSide, floor: error.floor } : undefined;

const { low, high } = reading.findings[0]?.operatingPoint ?? {};
console.log(
  JSON.stringify({ bits, same: again.id === reading.id, low, high, state: job.state, outcome: job.outcomes[0], typed }),
);
