import { expect, test } from 'vitest';
import { alara, folder } from './alara.ts';

test('a host is allowed and listed; a tenant keeps its one secret', async () => {
  const data = folder();
  const run = (...args: string[]) => alara(['webhooks', ...args], { ALARA_DATA: data });
  const first = await run('allow', 'clinic', 'Results.Clinic.Example:443');
  expect(first.stdout).toMatch(/^whsec_[A-Za-z0-9+/]{43}=\n$/);
  const second = await run('allow', 'clinic', 'results.clinic.example:8443');
  expect(second.stdout).toBe(first.stdout);
  // As the URL standard writes them, so that they compare with the host of a URL.
  expect((await run('ls', 'clinic')).stdout).toBe('results.clinic.example\nresults.clinic.example:8443\n');
  const other = await run('ls', 'practice');
  expect(other.stdout).toBe('Tenant practice has no webhook hosts.\n');
  expect([first, second, other].map(({ code }) => code)).toEqual([0, 0, 0]);
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
