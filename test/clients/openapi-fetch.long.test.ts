import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeBlockWith } from '../support/code-blocks.ts';
import { checkProgram, compile, generators, openWorkplace, run } from './generated-client.ts';

const page = 'docs/api.md';

test.skipIf(!existsSync(generators))(
  'openapi-typescript and openapi-fetch (npm run pretest:long installs them)',
  async () => {
    const workplace = await openWorkplace();
    const { folder } = workplace;
    const program = await compile('openapi-fetch.ts', workplace, () => {
      writeFileSync(join(folder, 'generate.mjs'), codeBlockWith(page, 'openapiTS('));
      const sample = codeBlockWith(page, 'createClient<paths>');
      writeFileSync(
        join(folder, 'sample.ts'),
        sample.replace('http://127.0.0.1:8080', workplace.url).replace('./schema.js', './generated/schema.js'),
      );
      mkdirSync(join(folder, 'generated'));
      writeFileSync(
        join(folder, 'generated/schema.d.ts'),
        run(process.execPath, [join(folder, 'generate.mjs')], { cwd: folder }),
      );
    });
    await checkProgram(process.execPath, program, workplace);
    // The sample of the page was compiled with the program. Node.js removes its types.
    expect(run(process.execPath, ['sample.ts'], { cwd: folder, API_KEY: workplace.key })).toBe('201 200\n');
  },
);
