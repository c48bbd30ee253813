import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { alara, damagedFamily, family, folder, serve } from '../../support/cli.ts';
import { serve as servePacs } from '../../support/pacs/fake-pacs.ts';

/** Run doctor, with each check and each fix joined to one line. */
async function doctor(environment: Record<string, string>) {
  const { stdout, ...ended } = await alara(['doctor'], environment);
  for (const line of stdout.split('\n'))
    if (/ .* /.test(line.trim())) expect(line.trim().length, line).toBeLessThanOrEqual(80);
  return { ...ended, stdout: stdout.replaceAll(/\n(?: {20}| {6}(?!fix: ))/g, ' ') };
}

// Each doctor run loads a model.
vi.setConfig({ testTimeout: 120_000 });

test('every check passes on a working machine, and no file is left', async () => {
  const data = join(folder(), 'data');
  const { code, stdout } = await doctor({ ALARA_DATA: data });
  expect(stdout.match(/^pass/gm)).toHaveLength(12);
  expect(stdout).not.toMatch(/FAIL|skip/);
  expect(stdout).toMatch(/^pass {2}Node\.js +\d+/m);
  expect(existsSync(data)).toBe(false);
  expect(code).toBe(0);
});

test('--json has each check with its state', async () => {
  const { code, stdout } = await alara(['doctor', '--json'], { ALARA_DATA: folder(), ALARA_WORKERS: '0' });
  const done = JSON.parse(stdout);
  expect(done.find(({ check }: { check: string }) => check === 'settings')).toMatchObject({
    state: 'fail',
    found: expect.stringContaining('ALARA_WORKERS=0'),
    fix: expect.any(String),
  });
  expect(done.find(({ check }: { check: string }) => check === 'models')).toMatchObject({ state: 'skip' });
  expect(code).toBe(1);
});

test('each failed check has its fix', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const file = join(folder(), 'a-file');
  writeFileSync(file, '');
  const [victim] = family.catalog.variants;
  const { code, stdout, stderr } = await doctor({
    PORT: String(port),
    ALARA_DATA: file,
    ALARA_MODELS: damagedFamily(victim?.file ?? '', (bytes) => bytes.fill((bytes[9] ?? 0) ^ 1, 9, 10)),
    ALARA_FAMILY: family.catalog.family,
  });
  expect(stdout).toMatch(/^FAIL {2}digests .*SHA-256.*\n {6}fix: restore/m);
  expect(stdout).toMatch(/^FAIL {2}data folder .*\n {6}fix: .*ALARA_DATA/m);
  expect(stdout).toMatch(new RegExp(`^FAIL {2}port .*\\n {6}fix: .*PORT=${port + 1} npm start`, 'm'));
  expect(stderr).toMatch(/\d of 12 checks failed/);
  expect(code).toBe(1);
});

test('checks that depend on a wrong setting are skipped, and the others run', async () => {
  const { code, stdout } = await doctor({ ALARA_WORKERS: 'many' });
  expect(stdout).toMatch(/^FAIL {2}settings +ALARA_WORKERS=many/m);
  expect(stdout).toMatch(/^skip {2}models/m);
  expect(stdout).toMatch(/^pass {2}sharp/m);
  expect(code).toBe(1);
});

test('a models folder without a family is named, with the possible fixes', async () => {
  const { code, stdout } = await doctor({ ALARA_MODELS: folder() });
  expect(stdout).toMatch(/^FAIL {2}models .*does not exist.*\n {6}fix: .*ALARA_MODELS/m);
  expect(code).toBe(1);
});

test('a service that runs on the port is not a failure', async () => {
  const { url } = await serve();
  const { code, stdout } = await doctor({ PORT: new URL(url).port, ALARA_DATA: folder() });
  expect(stdout).toMatch(/^pass {2}port .*in use by a running Alara$/m);
  expect(code).toBe(0);
});

test('a wrong PACS file is named with its line, and the other checks run', async () => {
  const pacs = { main: { dicomWeb: 'http://127.0.0.1:4/dicom-web', findings: 'Nodul' } };
  const { stdout } = await doctor({ ALARA_PACS: JSON.stringify({ pacs }) });
  expect(stdout).toMatch(/^FAIL {2}PACS .*pacs\.main: .*Nodul.*\n {6}fix: /m);
  expect(stdout).toMatch(/^pass {2}port/m);
  const unknown = await doctor({ ALARA_PACS: '{ "pacs": { "main": { "dicomweb": "http://a" } } }' });
  expect(unknown.stdout).toMatch(/^FAIL {2}PACS .*pacs\.main/m);
});

test('a PACS that does not answer fails with its fix', async () => {
  const pacs = {
    main: { dicomWeb: 'http://127.0.0.1:4/dicom-web' },
    other: { dicomWeb: 'http://127.0.0.1:4/b', orthanc: 'http://127.0.0.1:4' },
  };
  const { code, stdout, stderr } = await doctor({ ALARA_PACS: JSON.stringify({ pacs }) });
  expect(stdout.match(/^FAIL {2}PACS .* refused the connection \(.*\n {6}fix: start the PACS/gm)).toHaveLength(3);
  expect(stderr).toMatch(/3 of 14 checks failed/);
  expect(code).toBe(1);
});

test('each kind of failure of a PACS has one sentence without an error code, and its fix', async () => {
  const answering = async (status: number, type: string, body: string) =>
    (await servePacs((_, response) => response.writeHead(status, { 'content-type': type }).end(body))).url;
  const silent = await servePacs(() => undefined);
  const pacs = {
    unknown: { dicomWeb: 'http://archive.invalid' },
    page: { dicomWeb: await answering(200, 'text/html', '<html>Log in</html>') },
    text: { dicomWeb: await answering(200, 'application/json', 'no JSON') },
    locked: { dicomWeb: await answering(401, 'text/plain', 'no'), username: 'alara', passwordEnv: 'PACS_PASSWORD' },
    silent: { dicomWeb: silent.url, timeoutSeconds: 0.5 },
    plain: { dicomWeb: (await answering(200, 'application/json', '[]')).replace('http:', 'https:') },
  };
  const { stdout } = await doctor({
    ALARA_DATA: folder(),
    ALARA_PACS: JSON.stringify({ pacs }),
    PACS_PASSWORD: 'wrong',
  });
  const failures = {
    unknown: ['has a host name that cannot be resolved', 'correct the host name in ALARA_PACS'],
    page: ['answered with a web page in place of DICOM JSON', 'set pacs.page.dicomWeb to the root'],
    text: ['answered with something else than DICOM JSON', 'set pacs.text.dicomWeb to the root'],
    locked: ['answered 401 to the credentials in ALARA_PACS', 'set username and passwordFile'],
    silent: ['did not answer within 0.5 s', 'check the load of the PACS, or raise pacs.silent.timeoutSeconds'],
    plain: ['does not speak TLS at this port', 'write http:// into ALARA_PACS'],
  };
  for (const [name, [found, fix]] of Object.entries(failures))
    expect(stdout).toMatch(new RegExp(`^FAIL  PACS +${name}, DICOMweb: ${name} ${found} .*\\n      fix: ${fix}`, 'm'));
  expect(stdout).not.toMatch(/ECONN|ENOTFOUND|EAI_|ERR_|UND_ERR|fetch failed|Unexpected token|SSL routines/);
});
