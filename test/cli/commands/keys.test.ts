import { expect, onTestFinished, test } from 'vitest';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { alara, folder } from '../../support/cli.ts';

test('a key is printed once, is valid for its scopes while a server runs, and can be revoked', async () => {
  const data = folder();
  const run = (...args: string[]) => alara(['keys', ...args], { ALARA_DATA: data });
  // The open store of a running server.
  const { access, close } = openEmbedded(data);
  onTestFinished(close);

  const created = await run('create', '--tenant', 'clinic', '--scopes', 'pacs, readings');
  expect(created.stdout).toMatch(/^alara_[a-z2-7]{10}_[a-z2-7]{32}\n$/);
  expect(created.stderr).toContain('Authorization: Bearer');
  const key = created.stdout.trim();
  const known = await access.check(key);
  expect(known).toMatchObject({ tenant: 'clinic', scopes: ['readings', 'pacs'] });

  const listed = await run('ls');
  expect(listed.stdout).toMatch(new RegExp(`^${known?.id} +clinic +readings,pacs +20.*Z$`, 'm'));
  expect(listed.stdout).not.toContain(key.slice(-32));

  const revoked = await run('revoke', known?.id ?? '');
  expect(revoked.stdout).toContain('revoked');
  expect(await access.check(key)).toBeUndefined();
  expect((await run('ls')).stdout).toMatch(/20\S+Z +20\S+Z$/m);
  const again = await run('revoke', known?.id ?? '');
  expect(again.stderr).toContain('alara keys ls');
  expect([created, listed, revoked, again].map(({ code }) => code)).toEqual([0, 0, 0, 2]);
});

test.for([
  ['no tenant', ['create', '--scopes', 'jobs'], /--tenant/],
  ['no scope', ['create', '--tenant', 'clinic'], /--scopes/],
  [
    'an unknown scope',
    ['create', '--tenant', 'clinic', '--scopes', 'jobs,all'],
    /"all" is not a scope.*readings, jobs/,
  ],
  ['an empty scope', ['create', '--tenant', 'clinic', '--scopes', ''], /"" is not a scope/],
  ['a tenant with a blank', ['create', '--tenant', 'my clinic', '--scopes', 'jobs'], /cannot be a tenant/],
  ['no key to revoke', ['revoke'], /missing required argument/],
] as const)('%s creates no key', async ([, args, says]) => {
  const data = folder();
  const { code, stderr } = await alara(['keys', ...args], { ALARA_DATA: data });
  expect(stderr).toMatch(says);
  expect(code).toBe(2);
  expect((await alara(['keys', 'ls'], { ALARA_DATA: data })).stdout).toContain(`no keys in ${data}`);
});
