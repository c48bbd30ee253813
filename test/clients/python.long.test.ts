import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'vitest';
import { codeBlockWith } from '../support/code-blocks.ts';
import { checkProgram, openWorkplace, python, run } from './generated-client.ts';

/** `client.py` of the generator forwards the arguments of `__exit__` as objects. The file is the same for every document. */
const mypy = `[mypy]
strict = True
[mypy-alara_client.client]
disable_error_code = arg-type
`;

test.skipIf(!existsSync(python))('openapi-python-client (npm run pretest:long installs it)', async () => {
  const workplace = await openWorkplace();
  const { folder, document } = workplace;
  writeFileSync(join(folder, 'config.yaml'), codeBlockWith('docs/api.md', 'content_type_overrides:'));
  const path = `${python}${delimiter}${process.env['PATH'] ?? ''}`;
  run(
    join(python, 'openapi-python-client'),
    ['generate', '--path', document, '--config', 'config.yaml', '--meta', 'none', '--output-path', 'alara_client'],
    { cwd: folder, PATH: path },
  );
  copyFileSync('test/clients/programs/client.py', join(folder, 'client.py'));
  writeFileSync(join(folder, 'mypy.ini'), mypy);
  run(join(python, 'mypy'), ['client.py', 'alara_client'], { cwd: folder });
  await checkProgram(join(python, 'python'), 'client.py', workplace);
});
