import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../../lib/cost/main.ts');
const cost = (...args: string[]) =>
  promisify(execFile)(process.execPath, [main, ...args]).then(
    ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );

test('an unknown environment is an error that lists the known ones', async () => {
  const { code, stderr } = await cost('--env', 'test', '--readings', '1');
  expect(code).toBe(1);
  expect(stderr).toContain('dev, staging, prod');
});

test('the estimate counts what the templates of an environment contain', { timeout: 120_000 }, async () => {
  const { stdout } = await cost('--env', 'prod', '--readings', '1000', '--findings', 'Nodule,Effusion', '--json');
  const { usd, lines, savings } = JSON.parse(stdout);
  const quantity = Object.fromEntries(
    lines.map((line: { name: string; quantity: number }) => [line.name, line.quantity]),
  );
  expect(quantity).toMatchObject({ albHour: 730, wafAcl: 1, secret: 1, machineClient: 1 });
  expect(quantity['endpointHour']).toBeGreaterThanOrEqual(12 * 730);
  expect(quantity).not.toHaveProperty('natHour');
  expect(usd).toBeCloseTo(lines.reduce((sum: number, line: { usd: number }) => sum + line.usd, 0));
  expect(savings[0].findings).toEqual(['Nodule', 'Effusion']);
});
