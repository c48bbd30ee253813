import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folder, serve } from '../support/cli.ts';
import type { Document } from '../support/contract.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { film as pacsFilm, studyUid } from '../support/pacs/films.ts';
import { film } from '../support/service.ts';

const run = promisify(execFile);
const python = resolve('.venv/bin/python');

/** A PACS that answers 503 to everything. */
const pacs = createServer((_, response) => response.writeHead(503).end());
beforeAll(() => new Promise<void>((done) => pacs.listen(0, '127.0.0.1', done)));
afterAll(() => {
  pacs.closeAllConnections();
  pacs.close();
});

/** How a sample runs. Each command fails if the sample does. */
const runners: Readonly<Record<string, (source: string) => readonly [string, ...string[]]>> = {
  Shell: (source) => ['sh', '-c', `${source} --silent --show-error --fail-with-body --noproxy '*'`],
  Python: (source) => [python, '-c', source],
  JavaScript: (source) => [process.execPath, '--input-type=module', '-e', source],
};

test.each(Object.keys(runners))(
  'every %s sample of the document works when it is pasted',
  { timeout: 300_000 },
  async (lang) => {
    const base = `http://127.0.0.1:${(pacs.address() as AddressInfo).port}`;
    const work = folder();
    const settings = join(work, 'pacs.json');
    const main = { orthanc: base, dicomWeb: `${base}/dicom-web`, follow: { everySeconds: 3600 } };
    writeFileSync(settings, JSON.stringify({ pacs: { main } }));
    const { url } = await serve({ ALARA_PACS: settings });
    const document: Document = await (await fetch(`${url}/openapi.json`)).json();
    writeFileSync(join(work, 'film.png'), film('00000442_000.png'));
    writeFileSync(join(work, 'film.dcm'), await pacsFilm('samples'));

    const send = async (path: string, init: RequestInit) =>
      (await fetch(`${url}${path}`, { method: 'POST', ...init })).json();
    /** The id of a new reading. The trailing byte makes the film a new one. */
    let films = 0;
    const newReading = async (query = '') => {
      const dicom = part10(chestDataset(await chest({ columns: 512, rows: 512 + ++films, bits: 8 })));
      return (await send(`/v1/readings${query}`, { body: new Uint8Array(dicom) })).id as string;
    };
    const newUpload = async () => {
      const { id, url: to, headers, method } = await send('/v1/uploads', {});
      await fetch(new URL(to, `${url}/v1/uploads`), { method, headers, body: film('00000442_000.png') });
      return id as string;
    };
    const newJob = async (findings: string) => {
      const body = JSON.stringify({ upload: await newUpload(), findings });
      return (await send('/v1/jobs', { headers: { 'content-type': 'application/json' }, body })).id as string;
    };
    /** What stands in the place of a name in capitals. */
    const values: Readonly<Record<string, () => Promise<Readonly<Record<string, string>>>>> = {
      getReading: async () => ({ ID: await newReading() }),
      deleteReading: async () => ({ ID: await newReading() }),
      getStructuredReport: async () => ({ ID: await newReading() }),
      getHeatmap: async () => ({ ID: await newReading('?explain=heatmap'), FINDING: 'Nodule' }),
      getFhirBundle: async () => ({ ID: await newReading() }),
      getTestFilm: async () => ({ NAME: 'chest.jpg' }),
      sendUpload: async () => ({ ID: (await send('/v1/uploads', {})).id }),
      deleteUpload: async () => ({ ID: await newUpload() }),
      createJob: async () => ({ UPLOAD: await newUpload() }),
      getJob: async () => ({ ID: await newJob('Mass') }),
      storeInstancesOfStudy: async () => ({ STUDY: studyUid('samples') }),
    };

    for (const operation of Object.values(document.paths).flatMap((ofPath) => Object.values(ofPath))) {
      const { operationId, 'x-codeSamples': samples } = operation;
      // A job that may have ended cannot be cancelled for sure: test/api/routes/jobs.test.ts cancels jobs.
      if (operationId === 'cancelJob') continue;
      const sample = samples.find((each) => each.lang === lang);
      let source = sample?.source ?? '';
      for (const [name, value] of Object.entries((await values[operationId]?.()) ?? {}))
        source = source.replace(new RegExp(`\\b${name}\\b`), value);
      expect(source, operationId).toContain('http://127.0.0.1:8080/');
      const [command, ...args] = runners[lang]?.(source.replaceAll('http://127.0.0.1:8080', url)) ?? ['false'];
      const { stdout } = await run(command, args, { cwd: work, maxBuffer: 2 ** 24 }).catch((error) => {
        throw new Error(`${operationId}: ${error.stdout} ${error.stderr}\n${source}`);
      });
      // A terminal shows text: a sample writes other answers to a file.
      expect(stdout.includes('\u0000'), operationId).toBe(false);
    }
    expect(readFileSync(join(work, 'report.dcm')).subarray(128, 132).toString()).toBe('DICM');
    expect(readFileSync(join(work, 'heatmap.png')).subarray(1, 4).toString()).toBe('PNG');
  },
);

test('where callers need a key, each sample of an operation with a key names it', { timeout: 120_000 }, async () => {
  const { url } = await serve({ ALARA_AUTH: 'required' });
  const document: Document = await (await fetch(`${url}/openapi.json`)).json();
  for (const { operationId, security, 'x-codeSamples': samples } of Object.values(document.paths).flatMap((ofPath) =>
    Object.values(ofPath),
  ))
    for (const { lang, source } of samples)
      expect(/Authorization.*Bearer KEY/.test(source), `${operationId} ${lang}`).toBe(security.length > 0);
});
