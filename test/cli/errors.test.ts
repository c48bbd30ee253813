import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { alara, damagedFamily, family, folder } from '../support/cli.ts';

/** Texts of libraries and of the operating system, which a caller should not need to understand. */
const raw =
  /\bE[A-Z]{3,}\b|Invalid (input|option|string)|Too (small|big)|Unrecognized key|Zod|Unexpected token|^\s+at /m;

const [film = ''] = ['test/films/00000442_000.png'];
const models = (change: (catalog: Record<string, unknown>) => unknown, text?: string) => ({
  ALARA_MODELS: damagedFamily('catalog.json', (bytes) =>
    Buffer.from(text ?? JSON.stringify(change(JSON.parse(bytes.toString())))),
  ),
  ALARA_FAMILY: family.catalog.family,
});
const pacs = (value: unknown) => ({ ALARA_PACS: JSON.stringify(value) });
const file = (text: string) => {
  const path = join(folder(), 'a-file');
  writeFileSync(path, text);
  return path;
};
const sign = ['--store', '/tmp', '--by', 'x', '--reason', 'y'];

type Wrong = { args: readonly string[]; environment?: Record<string, string>; says: RegExp; code?: number };
const cases: readonly (readonly [string, () => Wrong])[] = [
  ['a film that does not exist', () => ({ args: ['read', '/no/film.png'], says: /it does not exist/, code: 1 })],
  ['a film below a file', () => ({ args: ['read', `${film}/x`], says: /a part of its path is a file/, code: 1 })],
  [
    'a models folder that does not exist',
    () => ({
      args: ['read', film],
      environment: { ALARA_MODELS: '/no/models' },
      says: /\/no\/models\/chest14\/catalog\.json does not exist/,
    }),
  ],
  [
    'a catalog that is not JSON',
    () => ({
      args: ['read', film],
      environment: models(() => undefined, '{ "family": chest }'),
      says: /catalog\.json is not JSON/,
    }),
  ],
  [
    'a catalog without findings',
    () => ({
      args: ['route'],
      environment: models(({ findings: _, ...rest }) => rest),
      says: /catalog\.json:1: findings: is missing/,
    }),
  ],
  [
    'a catalog with a text for a number',
    () => ({
      args: ['catalog', 'show'],
      environment: models(({ provenance, ...rest }) => ({
        ...rest,
        provenance: { ...Object(provenance), films: 'many' },
      })),
      says: /provenance\.films: expected a (whole )?number/,
    }),
  ],
  [
    'a setting that is no number',
    () => ({ args: ['route'], environment: { PORT: 'x' }, says: /PORT=x: expected a whole/ }),
  ],
  [
    'a PACS file that does not exist',
    () => ({
      args: ['webhooks', 'ls', 'local'],
      environment: { ALARA_PACS: '/no/pacs.json' },
      says: /\/no\/pacs\.json: cannot be read: it does not exist/,
    }),
  ],
  [
    'a PACS setting with an unknown key',
    () => ({
      args: ['webhooks', 'ls', 'local'],
      environment: pacs({ pacs: { main: { dicomWeb: 'http://a', colour: 'red' } } }),
      says: /pacs\.main: unknown key colour/,
    }),
  ],
  [
    'a PACS setting without an address',
    () => ({
      args: ['webhooks', 'ls', 'local'],
      environment: pacs({ pacs: { main: {} } }),
      says: /pacs\.main\.dicomWeb: (is missing|expected an http)/,
    }),
  ],
  [
    'a data folder that is a file',
    () => ({
      args: ['jobs', 'ls'],
      environment: { ALARA_DATA: file('') },
      says: /ALARA_DATA=.*cannot be opened there \(a part of its path is a file/,
    }),
  ],
  [
    'a data folder below a file',
    () => ({
      args: ['keys', 'ls'],
      environment: { ALARA_DATA: join(file(''), 'data') },
      says: /cannot be opened there \(a part of its path is a file/,
    }),
  ],
  [
    'a signing key that does not exist',
    () => ({
      args: ['catalog', 'rollback', '--channel', 'live', ...sign, '--sign', '/no/key.pem'],
      says: /(\/no\/key\.pem cannot be read: it does not exist|no family)/,
    }),
  ],
  [
    'a public key that is none',
    () => ({
      args: ['catalog', 'records', '--store', '/tmp', '--trust', file('no key')],
      says: /is not a public key in PEM/,
    }),
  ],
  [
    'a store with a damaged pointer',
    () => {
      const store = folder();
      mkdirSync(join(store, 'chest14/channels'), { recursive: true });
      writeFileSync(join(store, 'chest14/channels/live.json'), '{"manifest": 3}');
      return { args: ['catalog', 'channels', '--store', store], says: /live\.json: (manifest|since): / };
    },
  ],
  [
    'a store below a file',
    () => ({
      args: ['catalog', 'channels', '--store', join(file(''), 'store')],
      says: /a part of its path is a file/,
    }),
  ],
  [
    'a password file that does not exist',
    () => ({
      args: ['orthanc', 'configure', '/etc', '--password-file', '/no/password'],
      says: /\/no\/password: it does not exist/,
    }),
  ],
  [
    'an Orthanc folder that does not exist',
    () => ({
      args: ['orthanc', 'configure', '/no/orthanc', '--password-file', file('secret')],
      says: /\/no\/orthanc/,
    }),
  ],
];

test.for(cases)('%s: the error is in plain words', async ([, make]) => {
  const { args, environment = {}, says, code = 2 } = make();
  const ended = await alara(args, { ALARA_DATA: folder(), ...environment });
  expect(ended.stderr).toMatch(says);
  expect(ended.stdout + ended.stderr).not.toMatch(raw);
  expect(ended.code).toBe(code);
});

test('doctor names a data folder and a port in plain words', async () => {
  const { stdout } = await alara(['doctor', '--json'], { ALARA_DATA: file(''), ALARA_MODELS: '/no/models' });
  expect(stdout).toContain('a file has this name');
  expect(stdout).not.toMatch(raw);
});

test('an older Node is named with the version that is needed, and not as a bug', () => {
  const args = ['--no-experimental-sqlite', 'functions/cli/main.ts', '--help'];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringMatching(/^alara: .*needs Node 24/) });
});
