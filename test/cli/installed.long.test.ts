import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { family, films, folder } from '../support/cli.ts';

test('the packed command reads a film in any folder, and its parts find their files', () => {
  const place = folder();
  // `prepack` builds the bundle.
  execFileSync('npm', ['pack', '--loglevel=error', '--pack-destination', place], { stdio: 'pipe' });
  const [archive = ''] = readdirSync(place);
  const installed = join(place, 'node_modules/alara');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(place, archive), '--strip-components=1', '-C', installed]);
  // The dependencies, as npm would install them.
  symlinkSync(resolve('node_modules'), join(installed, 'node_modules'));
  mkdirSync(join(place, 'node_modules/.bin'));
  symlinkSync('../alara/dist/main.js', join(place, 'node_modules/.bin/alara'));

  const { ALARA_MODELS: _, ...environment } = process.env;
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(place, 'node_modules/.bin/alara'), ...args], {
      cwd: place,
      env: { ...environment, ALARA_DATA: join(place, 'data') },
      encoding: 'utf8',
    });
  const read = run('read', resolve(films[0] ?? ''), '--json');
  expect([read.status, read.stderr]).toEqual([0, '']);
  const [{ reading }] = JSON.parse(read.stdout);
  expect(reading.findings).toHaveLength(family.catalog.findings.length);
  expect(reading.catalog).toBe(`sha256:${family.digest}`);

  // The scripts of Orthanc are in the package, and the command has the defaults of its settings.
  const orthanc = join(place, 'orthanc');
  mkdirSync(orthanc);
  execFileSync('cp', [join(installed, 'functions/pacs/orthanc/alara.lua'), orthanc]);
  execFileSync('sh', ['-c', `echo secret > ${join(place, 'password')}`]);
  const configured = run('orthanc', 'configure', orthanc, '--password-file', join(place, 'password'), '--json');
  expect(JSON.parse(configured.stdout).changes).toEqual(expect.arrayContaining([expect.stringContaining('Alara')]));
});
