import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { folder } from '../support/cli.ts';
import type { Document } from '../support/contract.ts';
import { openService } from '../support/service.ts';

const run = promisify(execFile);

/**
 * `npx` installs them into its cache. They are no dependencies of the project, because together they have 83 MB and 243 packages, and
 * only this test needs them.
 */
const linters: Readonly<Record<string, readonly [packageName: string, ...command: string[]]>> = {
  Spectral: ['@stoplight/spectral-cli@6.16.3', 'spectral', 'lint', '--fail-severity=hint', '--ruleset=ruleset.json'],
  Redocly: ['@redocly/cli@2.77.0', 'redocly', 'lint', '--extends=recommended-strict'],
};
// Spectral depends on a package whose installation script reports to its vendor.
const env = { ...process.env, npm_config_ignore_scripts: 'true', REDOCLY_TELEMETRY: 'off' };

const isReachable = await run('npm', ['ping'], { timeout: 60_000 }).then(
  () => true,
  () => false,
);

const documentOf = async (): Promise<Document> => {
  const service = await openService();
  const document = await (await service.app.request('/openapi.json')).json();
  await service.close();
  return document;
};

test.skipIf(!isReachable).each(Object.entries(linters))(
  '%s has no remark on the document (needs the npm registry)',
  { timeout: 300_000 },
  async (_, [name, ...command]) => {
    const work = folder();
    writeFileSync(join(work, 'ruleset.json'), JSON.stringify({ extends: 'spectral:oas' }));
    const lint = async (document: object) => {
      writeFileSync(join(work, 'openapi.json'), JSON.stringify(document));
      return run('npx', ['--yes', '--package', name, ...command, 'openapi.json'], { cwd: work, env }).then(
        ({ stdout }) => ({ passed: true, said: stdout }),
        ({ stdout, stderr }) => ({ passed: false, said: `${stdout}${stderr}` }),
      );
    };
    const document = await documentOf();
    const answer = await lint(document);
    expect(answer.passed, answer.said).toBe(true);
    // The linter does run: it refuses a document without its licence, tags and paths.
    expect((await lint({ openapi: '3.1.0', info: { title: 'Alara' }, paths: {} })).passed).toBe(false);
  },
);
