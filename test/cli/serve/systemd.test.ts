import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readPacsConfig } from '../../../functions/pacs/config.ts';
import { alara, folder } from '../../support/cli.ts';
import { has } from '../../support/dicom/tools.ts';

const unit = readFileSync('functions/cli/serve/alara.service', 'utf8');
const values = (name: string) => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);

test('systemd accepts the unit without a warning', () => {
  expect(values('DynamicUser')).toEqual(['yes']);
  if (!has('systemd-analyze')) return;
  const path = join(folder(), 'alara.service');
  writeFileSync(path, unit.replaceAll('/opt/alara', resolve('.')));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
  expect(stderr.split('\n').filter((line) => line.includes('alara.service'))).toEqual([]);
  expect(status, stderr).toBe(0);
});

test('the command and the settings of the unit exist in the service', async () => {
  const [command = ''] = values('ExecStart');
  const [node = '', script = '', verb = ''] = command.split(' ');
  expect(existsSync(node.replace('/opt/alara/', ''))).toBe(true);
  const help = await alara([verb, '--help']);
  expect([script, help.code]).toEqual(['functions/cli/main.ts', 0]);
  const environment = Object.fromEntries(values('Environment').map((line) => line.split('=')));
  expect(environment['ORT_DISABLE_TELEMETRY']).toBe('1');
  for (const name of Object.keys(environment).filter((one) => one.startsWith('ALARA_')))
    expect(help.stdout).toContain(name);
  expect(environment['ALARA_DATA']).toBe(`/var/lib/${values('StateDirectory')[0]}`);
});

test('the unit stores credentials where the PACS file expects them', () => {
  const credentials = join(folder(), 'credentials');
  mkdirSync(credentials);
  const names = values('LoadCredential').map((line) => line.split(':')[0] ?? '');
  expect(names).toContain('pacs.json');
  const pacs = {
    main: { dicomWeb: 'http://127.0.0.1:8042/dicom-web', username: 'alara', passwordFile: 'orthanc.password' },
  };
  for (const name of names)
    writeFileSync(join(credentials, name), name === 'pacs.json' ? JSON.stringify({ pacs }) : 'secret');
  expect(readPacsConfig(join(credentials, 'pacs.json'))).toMatchObject({
    main: { passwordFile: join(credentials, 'orthanc.password') },
  });
});
