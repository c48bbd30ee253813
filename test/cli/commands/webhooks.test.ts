import { expect, test } from 'vitest';
import { openEmbedded } from '../../../functions/storage/sqlite/open-sqlite.ts';
import { alara, folder } from '../../support/cli.ts';

/** A store in which each tenant has a key. */
async function storeOf(...tenants: string[]): Promise<string> {
  const data = folder();
  const { access, close } = openEmbedded(data);
  for (const tenant of tenants) await access.createKey(tenant, ['jobs']);
  await close();
  return data;
}

test('a host is allowed and listed, and a tenant keeps its single secret', async () => {
  const data = await storeOf('clinic', 'practice');
  const run = (...args: string[]) => alara(['webhooks', ...args], { ALARA_DATA: data });
  const first = await run('allow', 'clinic', 'Results.Clinic.Example:443');
  expect(first.stdout).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/);
  const second = await run('allow', 'clinic', 'results.clinic.example:8443');
  expect(second.stdout).toBe(first.stdout);
  // In the spelling of the URL standard, which equals the host of a URL.
  expect((await run('ls', 'clinic')).stdout).toBe('results.clinic.example\nresults.clinic.example:8443\n');
  const other = await run('ls', 'practice');
  expect(other.stdout).toBe('Tenant practice has no webhook hosts.\n');
  expect([first, second, other].map(({ code }) => code)).toEqual([0, 0, 0]);
});

test('the scheme of a webhook is named: https, and http to this machine too', async () => {
  const data = await storeOf('clinic');
  const allow = async (host: string) =>
    (await alara(['webhooks', 'allow', 'clinic', host], { ALARA_DATA: data })).stderr;
  expect(await allow('results.clinic.example')).toContain('may go to results.clinic.example by https.');
  expect(await allow('127.0.0.1:9000')).toContain('may go to 127.0.0.1:9000 by http or https.');
});

test('a host is denied once', async () => {
  const data = await storeOf('clinic');
  const run = (...args: string[]) => alara(['webhooks', ...args], { ALARA_DATA: data });
  await run('allow', 'clinic', 'results.clinic.example');
  const denied = await run('deny', 'clinic', 'Results.Clinic.Example:443');
  expect([denied.code, denied.stdout]).toEqual([
    0,
    'Webhooks of tenant clinic go to results.clinic.example no more.\n',
  ]);
  expect((await run('ls', 'clinic')).stdout).toBe('Tenant clinic has no webhook hosts.\n');
  const again = await run('deny', 'clinic', 'results.clinic.example');
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('alara webhooks ls')]);
});

test('the secret is rotated, and the output gives the expiry of the previous secret', async () => {
  const data = await storeOf('clinic', 'practice');
  const run = (...args: string[]) => alara(['webhooks', ...args], { ALARA_DATA: data });
  const none = await run('rotate', 'clinic');
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('alara webhooks allow')]);
  const { stdout: first } = await run('allow', 'clinic', 'results.clinic.example');
  const second = await run('rotate', 'clinic');
  expect(second.stdout).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/);
  expect(second.stdout).not.toBe(first);
  expect(second.stderr).toMatch(/also with the one before, until 20/);
  expect((await run('rotate', 'clinic', '--overlap-hours', '0')).stderr).toContain('no longer with the one before');
  for (const hours of ['-1', '169', 'all']) {
    const { code, stderr } = await run('rotate', 'clinic', '--overlap-hours', hours);
    expect([code, stderr]).toEqual([2, expect.stringContaining('from 0 to 168')]);
  }
});

test('an unknown tenant is refused with the known ones, and nothing is stored for it', async () => {
  const data = await storeOf('clinic');
  const environment = {
    ALARA_DATA: data,
    ALARA_PACS: JSON.stringify({ pacs: { main: { dicomWeb: 'http://127.0.0.1:4/dicom-web', tenant: 'radiology' } } }),
  };
  const host = 'results.clinic.example';
  for (const args of [
    ['allow', 'clinik', host],
    ['deny', 'clinik', host],
    ['rotate', 'clinik'],
    ['ls', 'clinik'],
  ]) {
    const { code, stdout, stderr } = await alara(['webhooks', ...args], environment);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('Known: clinic, local, radiology.')]);
  }
  const { access, close } = openEmbedded(data);
  expect(await access.webhooks('clinik')).toBeUndefined();
  await close();
  // The caller without a key, and the tenant of a PACS.
  for (const tenant of ['local', 'radiology'])
    expect((await alara(['webhooks', 'allow', tenant, host], environment)).code).toBe(0);
});

test.for([
  'https://results.example',
  'results.example/path',
  'user@results.example',
  '*.example',
  'results example',
  'results.example:99999',
  '',
])('%j is not a host', async (host) => {
  const { code, stdout, stderr } = await alara(['webhooks', 'allow', 'clinic', host], { ALARA_DATA: folder() });
  expect(stderr).toContain('is not a host');
  expect(stdout).toBe('');
  expect(code).toBe(2);
});
