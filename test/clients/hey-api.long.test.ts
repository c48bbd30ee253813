import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { checkProgram, compile, generators, openWorkplace, run } from './generated-client.ts';

test.skipIf(!existsSync(generators))('@hey-api/openapi-ts (npm run pretest:long installs it)', async () => {
  const workplace = await openWorkplace();
  const { folder, document } = workplace;
  const program = await compile('hey-api.ts', workplace, () => {
    const command = join(generators, '@hey-api/openapi-ts/bin/run.js');
    run(process.execPath, [command, '-i', document, '-o', join(folder, 'generated')], { cwd: folder });
  });
  await checkProgram(process.execPath, program, workplace);
});
