import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { has } from '../dicom/tools.ts';
import { missing } from './orthanc.ts';

/** Why the guide cannot be followed here. */
const cannot = (() => {
  if (missing) return missing;
  const more = ['curl', 'openssl', 'img2dcm', 'storescu'].filter((program) => !has(program));
  if (more.length > 0) return ' (apt-get install curl openssl dcmtk)';
  if (!existsSync('/etc/orthanc/orthanc.json')) return " (needs Debian's configuration of Orthanc in /etc/orthanc)";
  return spawnSync('unshare', ['-n', '-m', 'true']).status === 0
    ? ''
    : ' (needs root, for a private network and private mounts)';
})();

/** What the guide runs as another user or by the system's own manager, without either. */
const shims: Record<string, string> = {
  sudo: '#!/bin/sh\nexec "$@"\n',
  'apt-get': '#!/bin/sh\nexit 0\n',
  // Without the installation that comes before it: a test must not change what it runs on.
  npm: `#!/bin/sh\n[ "$*" = start ] || exit 1\nexec '${process.execPath}' functions/cli/main.ts serve\n`,
  systemctl:
    '#!/bin/sh\n[ "$*" = "restart orthanc" ] || exit 1\nOrthanc /etc/orthanc >"$GUIDE/orthanc.log" 2>&1 &\nsleep 2\n',
};

/** The commands of the guide, block by block. */
const blocks = () => {
  const [, guide = ''] = /## Ten minutes(.*?)\n## /s.exec(readFileSync('docs/pacs.md', 'utf8')) ?? [];
  return [...guide.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block);
};

test.skipIf(cannot)(
  `the guide, word for word, on a fresh Orthanc, ends with a report${cannot}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'alara-guide-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const [bin, etc, storage, work] = ['bin', 'etc', 'storage', 'work'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const path of [bin, storage, work]) mkdirSync(path);
    for (const [name, text] of Object.entries(shims)) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    cpSync('/etc/orthanc', etc, { recursive: true });
    // The repository, in which the guide leaves files of its own.
    for (const name of ['functions', 'models', 'node_modules', 'test', 'package.json'])
      if (existsSync(name)) symlinkSync(resolve(name), join(work, name));

    const [install = '', password = '', start = '', film = '', result = '', ...more] = blocks();
    expect(more).toEqual([]);
    const script = `
    set -e
    ip link set lo up
    mount --bind ${etc} /etc/orthanc
    mount --bind ${storage} /var/lib/orthanc
    cd ${work}
    ${install}
    ${password}
    (${start}) > ${folder}/alara.log 2>&1 &
    for i in $(seq 300); do grep -q http:// ${folder}/alara.log && break; sleep 0.2; done
    ${film}
    ${result}
  `;
    writeFileSync(join(folder, 'guide.sh'), script);
    const { status, output } = await new Promise<{ status: number | null; output: string }>((done) => {
      const child = execFile(
        'unshare',
        ['-n', '-m', '-p', '-f', '--kill-child', 'bash', join(folder, 'guide.sh')],
        { env: { ...process.env, PATH: `${bin}:${process.env['PATH']}:/usr/sbin:/sbin`, GUIDE: folder } },
        (_, stdout, stderr) => done({ status: child.exitCode, output: stdout + stderr }),
      );
    });
    const logs = ['orthanc.log', 'alara.log'].map((name) => join(folder, name)).filter((path) => existsSync(path));
    const told = `${output}\n${logs.map((path) => readFileSync(path, 'utf8')).join('\n')}`;
    expect(status, told).toBe(0);
    expect(output, told).toContain('Comprehensive 3D SR');
    expect(output).toContain('ALARA^TEST');
  },
  120_000,
);
