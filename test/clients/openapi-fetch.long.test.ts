import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { checkProgram, compile, generators, openWorkplace, run } from './generated-client.ts';

/** The type of a binary body is `Blob`: the command line of openapi-typescript writes `string`, its API takes a transformation. */
const generate = `import { readFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';

const BLOB = ts.factory.createTypeReferenceNode(ts.factory.createIdentifier('Blob'));
const document = JSON.parse(await readFile('openapi.json', 'utf8'));
const nodes = await openapiTS(document, { transform: ({ format }) => (format === 'binary' ? BLOB : undefined) });
process.stdout.write(astToString(nodes));
`;

test.skipIf(!existsSync(generators))(
  'openapi-typescript and openapi-fetch (npm run pretest:long installs them)',
  async () => {
    const workplace = await openWorkplace();
    const { folder } = workplace;
    const program = await compile('openapi-fetch.ts', workplace, () => {
      writeFileSync(join(folder, 'generate.mjs'), generate);
      mkdirSync(join(folder, 'generated'));
      writeFileSync(
        join(folder, 'generated/schema.d.ts'),
        run(process.execPath, [join(folder, 'generate.mjs')], { cwd: folder }),
      );
    });
    await checkProgram(process.execPath, program, workplace);
  },
);
