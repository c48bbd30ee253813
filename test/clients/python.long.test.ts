import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'vitest';
import { checkProgram, openWorkplace, python, run } from './generated-client.ts';

/** The generator knows `application/octet-stream` only. The service takes any of these types with any film, because the bytes decide. */
const config = `content_type_overrides:
  image/png: application/octet-stream
  image/jpeg: application/octet-stream
  application/dicom: application/octet-stream
`;

/** `client.py` of the generator forwards the arguments of `__exit__` as objects. The file is the same for every document. */
const mypy = `[mypy]
strict = True
[mypy-alara_client.client]
disable_error_code = arg-type
`;

test.skipIf(!existsSync(python))('openapi-python-client (npm run pretest:long installs it)', async () => {
  const workplace = await openWorkplace();
  const { folder, document } = workplace;
  writeFileSync(join(folder, 'config.yaml'), config);
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
