import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../../functions/platform/config.ts';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { emptyFolder, using } from '../../support/sqlite-folder.ts';
import { instance, reading } from '../../support/storage-contract/samples.ts';

const put = (folder: string, keyFile?: string) =>
  using(folder, ({ readings }) => readings.put('clinic', { reading: reading('rd_a'), instance }), keyFile);
const get = (folder: string, keyFile?: string) =>
  using(folder, ({ readings }) => readings.get('clinic', 'rd_a'), keyFile);

/** The error of opening the store, as an error of settings. */
function refusal(folder: string, keyFile?: string): string {
  try {
    openEmbedded(folder, { keyFile });
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('it was opened');
}

test('creates the key once, readable only by its owner', async () => {
  const folder = emptyFolder();
  await put(folder);
  const key = join(folder, 'key');
  expect(readFileSync(key)).toHaveLength(32);
  expect(statSync(key).mode & 0o777).toBe(0o600);
  const before = readFileSync(key);
  expect((await get(folder))?.instance).toEqual(instance);
  expect(readFileSync(key)).toEqual(before);
});

test('reports a lost, replaced or damaged key at the start; after its return, all data is readable', async () => {
  const folder = emptyFolder();
  await put(folder);
  const key = join(folder, 'key');
  const right = readFileSync(key);

  rmSync(key);
  expect(refusal(folder)).toMatch(/key is not there.*Restore it from a backup/);
  // A new key would hide the loss.
  expect(existsSync(key)).toBe(false);
  writeFileSync(key, randomBytes(32));
  expect(refusal(folder)).toMatch(/key is not the key that encrypted this folder/);
  writeFileSync(key, right.subarray(1));
  expect(refusal(folder)).toMatch(/has 31 bytes; a key has 32/);

  writeFileSync(key, right);
  expect((await get(folder))?.instance).toEqual(instance);
});

test('ALARA_KEY_FILE sets another path of the key; the file is not created, and the error gives the command', async () => {
  const folder = emptyFolder();
  const keyFile = join(emptyFolder(), 'secret');
  expect(refusal(folder, keyFile)).toContain(`openssl rand -out ${keyFile} 32`);
  writeFileSync(keyFile, randomBytes(32));
  await put(folder, keyFile);
  expect(existsSync(join(folder, 'key'))).toBe(false);
  expect((await get(folder, keyFile))?.instance).toEqual(instance);
  expect(refusal(folder)).toMatch(/key is not there/);
});
