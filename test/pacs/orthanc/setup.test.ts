import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import { expect, onTestFinished, test } from 'vitest';
import { setUpOrthanc } from '../../../functions/pacs/orthanc/setup.ts';
import { ConfigError } from '../../../functions/platform/config.ts';

/** A configuration folder of Orthanc with the scripts of the product. */
function configuration(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'alara-setup-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const script of ['alara.lua', 'gateway.lua'])
    copyFileSync(join('functions/pacs/orthanc', script), join(folder, script));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const setUp = () => setUpOrthanc({ folder, username: 'alara', password: 'secret' });
  const contents = () =>
    Object.fromEntries(
      readdirSync(folder)
        .filter((name) => lstatSync(join(folder, name)).isFile())
        .map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    );
  return { folder, setUp, contents };
}

test('existing settings and comments are kept, and a second run changes nothing', () => {
  const { folder, setUp, contents } = configuration({
    'orthanc.json': '/* ours */\n{\n  "Name": "x", // of the hospital\n  "LuaScripts": ["other.lua"],\n}\n',
    'users.json': '{ "RegisteredUsers": { "other": "password" } }',
  });
  setUp();
  const after = contents();
  expect(after['orthanc.json']).toMatch(/^\/\* ours \*\/[\s\S]*\/\/ of the hospital/);
  expect(parse(after['orthanc.json'] ?? '')).toMatchObject({ LuaScripts: ['other.lua', join(folder, 'alara.lua')] });
  expect(parse(after['users.json'] ?? '')).toEqual({ RegisteredUsers: { other: 'password', alara: 'secret' } });
  expect(setUp()).toEqual([]);
  expect(contents()).toEqual(after);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['no JSON', { 'a.json': '{ "Name": ' }, /a\.json is not a JSON object/],
  ['a list', { 'a.json': '[]' }, /a\.json is not a JSON object/],
  ['scripts that are not a list', { 'a.json': '{ "LuaScripts": "a.lua" }' }, /a\.json: LuaScripts is not a list/],
  ['users that are null', { 'a.json': '{ "RegisteredUsers": null }' }, /a\.json: RegisteredUsers is not an object/],
  [
    'a section in two files',
    { 'a.json': '{ "LuaScripts": [] }', 'b.JSON': '{ "LuaScripts": [] }' },
    /LuaScripts is in a\.json and in b\.JSON/,
  ],
  ['a section twice in a file', { 'a.json': '{ "Alara": {}, "Alara": {} }' }, /Alara is in the file twice/],
])('%s is named, and nothing is changed', (_, files, said) => {
  const { setUp, contents } = configuration(files);
  const before = contents();
  expect(setUp).toThrow(ConfigError);
  expect(setUp).toThrow(said);
  expect(contents()).toEqual(before);
});

test('a link stays a link, and its target is changed', () => {
  const { folder, setUp } = configuration({});
  const elsewhere = join(folder, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'users.json'), '{ "RegisteredUsers": { "other": "password" } }');
  symlinkSync(join(elsewhere, 'users.json'), join(folder, 'users.json'));
  setUp();
  expect(lstatSync(join(folder, 'users.json')).isSymbolicLink()).toBe(true);
  expect(parse(readFileSync(join(elsewhere, 'users.json'), 'utf8'))).toEqual({
    RegisteredUsers: { other: 'password', alara: 'secret' },
  });
});

test('a folder with the name of a file is ignored', () => {
  const { folder, setUp } = configuration({});
  mkdirSync(join(folder, 'old.json'));
  expect(setUp().length).toBeGreaterThan(0);
});

test('if one file cannot be written, no file is changed and no secret is left', () => {
  const { folder, setUp, contents } = configuration({
    'orthanc.json': '{ "LuaScripts": [] }',
    'users.json': '{ "RegisteredUsers": {} }',
  });
  // A folder in place of the temporary file: even root cannot write it.
  mkdirSync(join(folder, '.users.json.alara'));
  const before = contents();
  expect(setUp).toThrow(/users\.json cannot be written \(EISDIR\); nothing was changed/);
  expect(contents()).toEqual(before);
});
