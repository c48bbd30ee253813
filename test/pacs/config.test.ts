import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPacsConfig } from '../../functions/pacs/config.ts';
import { readSecret } from '../../functions/pacs/credentials.ts';
import { ConfigError } from '../../functions/platform/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'alara-pacs-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'pacs.json');
const write = (text: string, name = 'pacs.json') => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const read = (entry: object) => readPacsConfig(write(JSON.stringify({ pacs: { main: entry } }, null, 2)));
const problem = (text: string) => {
  try {
    readPacsConfig(write(text));
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(path, 'pacs.json');
    throw error;
  }
  throw new Error('it was taken');
};

const dicomWeb = 'http://127.0.0.1:8042/dicom-web/';
const password = write('open sesame\n', 'password');

test('the setting is JSON or the name of a JSON file, and errors in it are named', () => {
  const json = JSON.stringify({ pacs: { main: { dicomWeb } } });
  expect(readPacsConfig(json)).toEqual(readPacsConfig(write(json)));
  expect(() => readPacsConfig('{"pacs": {"main": {}}}')).toThrow(/^ALARA_PACS:1: pacs\.main\.dicomWeb: /);
  expect(() => readPacsConfig('{"pacs": ')).toThrow(/^ALARA_PACS: is not JSON/);
});

describe('optional fields', () => {
  test('an address is sufficient, with or without a trailing slash', () => {
    expect(read({ dicomWeb })).toEqual({
      main: {
        dicomWeb: 'http://127.0.0.1:8042/dicom-web',
        tenant: 'local',
        modalities: ['CR', 'DX'],
        results: ['sr'],
        sendResultsOfStow: false,
        timeoutSeconds: 60,
        maxFilmMb: 64,
      },
    });
  });

  test('following and polling have separate defaults', () => {
    const { main } = read({ dicomWeb, orthanc: 'http://127.0.0.1:8042', follow: {}, poll: {} });
    expect(main?.follow).toEqual({ from: 'now', everySeconds: 5, settleSeconds: 5 });
    expect(main?.poll).toEqual({ everySeconds: 30, withinHours: 24, verifyMinutes: 360 });
  });
});

describe('an error is named with its line', () => {
  const entry = (lines: string) => `{\n  "pacs": {\n    "main": {\n${lines}\n    }\n  }\n}`;
  const web = `      "dicomWeb": "${dicomWeb}"`;

  test.each([
    ['a file that is not JSON', '{ "pacs": ', /^ALARA_PACS=pacs\.json: is not JSON/],
    ['an unknown setting', entry(`${web},\n      "dicomweb": "x"`), /^pacs\.json:5: pacs\.main: unknown key dicomweb$/],
    ['no address', entry('      "tenant": "local"'), /^pacs\.json:3: pacs\.main\.dicomWeb: expected an http/],
    [
      'an address of another kind',
      entry('      "dicomWeb": "ftp://pacs"'),
      /^pacs\.json:4: pacs\.main\.dicomWeb: expected an http/,
    ],
    [
      'a secret in the address',
      entry('      "dicomWeb": "http://user:secret@pacs/dicom-web"'),
      /^pacs\.json:4: pacs\.main\.dicomWeb: remove the credentials/,
    ],
    [
      'a secret in the file',
      entry(`${web},\n      "password": "x"`),
      /^pacs\.json:5: pacs\.main\.password: this file must not contain a secret/,
    ],
    [
      'a user without a password',
      entry(`${web},\n      "username": "alara"`),
      /^pacs\.json:5: pacs\.main\.username: has no password/,
    ],
    [
      'a change log without Orthanc',
      entry(`${web},\n      "follow": {}`),
      /^pacs\.json:5: pacs\.main\.follow: needs orthanc/,
    ],
    [
      'results without a report',
      entry(`${web},\n      "results": ["sc"]`),
      /^pacs\.json:5: pacs\.main\.results: must contain "sr"/,
    ],
    [
      'a time zone that does not exist',
      entry(`${web},\n      "poll": {\n        "timeZone": "Mars/Base"\n      }`),
      /^pacs\.json:6: pacs\.main\.poll\.timeZone: expected an IANA/,
    ],
    [
      'a secret that cannot be read',
      entry(`${web},\n      "bearerTokenFile": "/nowhere/token"`),
      /^pacs\.json:3: pacs\.main: bearerTokenFile: \/nowhere\/token cannot be read/,
    ],
    [
      'a name that is not allowed in a path',
      `{ "pacs": { "a b": { "dicomWeb": "${dicomWeb}" } } }`,
      /^pacs\.json:1: pacs\.a b: /,
    ],
  ])('%s', (_, text, expected) => {
    expect(problem(text)).toMatch(expected);
  });

  test('an error never contains a secret', () => {
    const text = entry(`${web},\n      "password": "open sesame", "bearerToken": "abracadabra"`);
    expect(problem(text)).not.toMatch(/open sesame|abracadabra/);
  });

  test("results of a tenant's STOW-RS go to only one PACS", () => {
    const to = { dicomWeb, sendResultsOfStow: true };
    expect(problem(JSON.stringify({ pacs: { one: to, two: to } }))).toMatch(
      /pacs\.two\.sendResultsOfStow: is set for another PACS/,
    );
    const ofAnother = { ...to, tenant: 'north' };
    expect(Object.keys(readPacsConfig(JSON.stringify({ pacs: { one: to, two: ofAnother } })))).toEqual(['one', 'two']);
  });

  test('a missing file', () => {
    expect(() => readPacsConfig(join(folder, 'none.json'))).toThrow(/ALARA_PACS=.*none\.json: cannot be read/);
  });
});

describe('secrets', () => {
  test('a password comes from a file, without its last line break, and is read again after a rotation', () => {
    const credentials = { username: 'alara', passwordFile: password };
    const expected = (text: string) => ({
      ok: true,
      value: `Basic ${Buffer.from(`alara:${text}`).toString('base64')}`,
    });
    expect(readSecret(credentials)).toEqual(expected('open sesame'));
    writeFileSync(password, 'another');
    expect(readSecret(credentials)).toEqual(expected('another'));
  });

  test('a password comes from the environment', () => {
    process.env['PACS_TEST_PASSWORD'] = 'from outside';
    expect(readSecret({ username: 'a', passwordEnv: 'PACS_TEST_PASSWORD' })).toEqual({
      ok: true,
      value: `Basic ${Buffer.from('a:from outside').toString('base64')}`,
    });
    delete process.env['PACS_TEST_PASSWORD'];
    expect(readSecret({ username: 'a', passwordEnv: 'PACS_TEST_PASSWORD' })).toMatchObject({
      fault: 'passwordEnv: the environment variable PACS_TEST_PASSWORD is not set.',
    });
  });

  test('a relative file is resolved beside the configuration', () => {
    expect(read({ dicomWeb, username: 'alara', passwordFile: 'password' })).toMatchObject({
      main: { passwordFile: password },
    });
  });

  test('a token is sent as Bearer, and an empty file is not a token', () => {
    expect(readSecret({ bearerTokenFile: write('abc\n', 'token') })).toEqual({ ok: true, value: 'Bearer abc' });
    expect(readSecret({ bearerTokenFile: write('', 'token') })).toMatchObject({ ok: false });
  });
});
