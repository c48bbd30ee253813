import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { film as dicom, filmUid } from '../support/pacs/films.ts';
import { film, openService, post, type Service } from '../support/service.ts';

const run = promisify(execFile);

let service: Service;
let server: ReturnType<typeof createAdaptorServer>;
let url: string;
const folder = mkdtempSync(join(tmpdir(), 'alara-clients-'));
const [png, dcm] = [join(folder, 'Röntgen.png'), join(folder, 'film.dcm')];
/** Reading id per film, sent with the media type of the film. */
let ids: { readonly png: string; readonly dcm: string };
beforeAll(async () => {
  service = await openService();
  server = createAdaptorServer({ fetch: service.app.fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const files = { png: film('00000442_000.png'), dcm: new Uint8Array(await dicom('clients')) };
  writeFileSync(png, files.png);
  writeFileSync(dcm, files.dcm);
  const id = async (bytes: Uint8Array<ArrayBuffer>, type: string) =>
    (await (await post(service.app, '?findings=Mass', bytes, type)).json()).id as string;
  ids = { png: await id(files.png, 'image/png'), dcm: await id(files.dcm, 'application/dicom') };
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await service.close();
  rmSync(folder, { recursive: true });
});

/** The output of curl, without the proxies of the environment. */
const curl = async (...args: string[]) => (await run('curl', ['--silent', '--noproxy', '*', ...args])).stdout;

describe('curl', () => {
  test.each<[string, 'png' | 'dcm', () => string[]]>([
    ['-F with a DICOM file', 'dcm', () => ['-F', `image=@${dcm}`]],
    ['-F with a PNG file', 'png', () => ['-F', `image=@${png}`]],
    ['-F with a type', 'dcm', () => ['-F', `image=@${dcm};type=application/dicom`]],
    ['-F with another file name', 'png', () => ['-F', `image=@${png};filename="a \\"b\\"; name=c.dcm"`]],
    ['-F from its input', 'dcm', () => ['-F', `image=<${dcm}`]],
    ['--data-binary', 'dcm', () => ['--data-binary', `@${dcm}`]],
    ['--data-binary without Content-Type', 'png', () => ['--data-binary', `@${png}`, '-H', 'Content-Type:']],
    ['-T in chunks', 'dcm', () => ['-T', dcm, '-X', 'POST', '-H', 'Transfer-Encoding: chunked']],
  ])('%s is read', async (_, name, args) => {
    const reading = JSON.parse(await curl(...args(), `${url}/v1/readings?findings=Mass`));
    expect(reading.id, JSON.stringify(reading)).toBe(ids[name]);
  });

  test('--data, which removes line breaks from the file, gets the advice to use --data-binary', async () => {
    const problem = JSON.parse(await curl('--data', `@${png}`, `${url}/v1/readings`));
    expect(problem).toMatchObject({ code: 'not_an_image', fix: expect.stringContaining('--data-binary') });
  });

  test('stores one instance by STOW-RS', async () => {
    const answer = JSON.parse(await curl('--data-binary', `@${dcm}`, `${url}/dicom-web/studies`));
    expect(answer['00081199'].Value[0]['00081155'].Value).toEqual([filmUid('clients', 1)]);
  });

  test('shows the methods of a resource: -X DELETE, -X OPTIONS and -I', async () => {
    const head = async (...args: string[]) => {
      const [status = '', ...headers] = (await curl('-o', join(folder, 'body'), '-D', '-', ...args))
        .trim()
        .split('\r\n');
      return [status.split(' ')[1], headers.find((line) => /^allow:/i.test(line))?.replace(/^allow: /i, '')];
    };
    expect(await head('-X', 'DELETE', `${url}/v1/readings`)).toEqual(['405', 'GET, HEAD, OPTIONS, POST']);
    expect(await head('-X', 'OPTIONS', `${url}/v1/jobs`)).toEqual(['204', 'GET, HEAD, OPTIONS, POST']);
    expect(await head('-I', `${url}/v1/readings`)).toEqual(['200', undefined]);
    expect(await head('-I', `${url}/dicom-web/studies`)).toEqual(['501', 'OPTIONS, POST']);
    expect(await head('-T', dcm, '-H', 'Expect:', `${url}/v1/readings`)).toEqual(['405', 'GET, HEAD, OPTIONS, POST']);
    expect(await head('-I', `${url}/health/live`)).toEqual(['200', undefined]);
  });
});

test("the service understands Python's requests and dicomweb-client", async () => {
  // Loopback is reached without a proxy of the environment.
  const env = { ...process.env, NO_PROXY: '*', PYTHONIOENCODING: 'utf-8' };
  const { stdout } = await run('.venv/bin/python', ['test/behaviour/clients.py', url, png, dcm], { env });
  const { xml, json, ...said } = JSON.parse(stdout);
  const uid = filmUid('clients', 1);
  const [readPng, readDicom] = [
    [200, ids.png],
    [200, ids.dcm],
  ];
  expect(said).toEqual({
    'png file': readPng,
    'dicom file': readDicom,
    bytes: readPng,
    'named bytes': readPng,
    'named and typed': readPng,
    'no file name': readDicom,
    'raw bytes': readPng,
    'raw file': readDicom,
    chunks: readDicom,
    gzip: readDicom,
    path: [415, 'not_an_image'],
    stored: [uid],
    'stored in study': [uid],
    search: 501,
    retrieve: 501,
    'xml root': '{http://dicom.nema.org/PS3.19/models/NativeDICOM}NativeDicomModel',
  });
  expect(xml).toEqual(json);
  expect(Object.keys(json)).toEqual(['00081190', '00081198', '00081199', '0008119A']);
}, 60_000);
