import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { has } from '../support/dicom/tools.ts';
import { missing } from '../support/pacs/orthanc.ts';

/** The reason why this machine cannot run the guide, or an empty text. */
const cannot = (() => {
  if (missing) return missing;
  const more = ['curl', 'openssl', 'img2dcm', 'storescu'].filter((program) => !has(program));
  if (more.length > 0) return ' (apt-get install curl openssl dcmtk)';
  if (!existsSync('/etc/orthanc/orthanc.json')) return " (needs Debian's configuration of Orthanc in /etc/orthanc)";
  return spawnSync('unshare', ['-n', '-m', 'true']).status === 0
    ? ''
    : ' (needs root, for a private network and private mounts)';
})();

/** Replaces commands of the guide that run as another user or with the system's service manager. */
const shims: Record<string, string> = {
  sudo: '#!/bin/sh\nexec "$@"\n',
  'apt-get': '#!/bin/sh\nexit 0\n',
  // Skips the installation step of the guide: a test must not change its machine.
  npm: `#!/bin/sh\n[ "$*" = 'run --silent setup' ] && exit\n[ "$*" = start ] || exit 1\nexec '${process.execPath}' functions/cli/main.ts serve\n`,
  systemctl:
    '#!/bin/sh\n[ "$*" = "restart orthanc" ] || exit 1\nOrthanc /etc/orthanc >"$GUIDE/orthanc.log" 2>&1 &\nsleep 2\n',
};

/** The commands of the guide, block by block. */
const blocks = () => {
  const [, guide = ''] = /## Ten minutes(.*?)\n## /s.exec(readFileSync('docs/pacs.md', 'utf8')) ?? [];
  return [...guide.matchAll(/```sh\n(.*?)```/gs)].map(([, block = '']) => block);
};

/** A new Orthanc configuration, and a copy of the repository in which the guide creates files. */
function openGuide() {
  const folder = mkdtempSync(join(tmpdir(), 'alara-guide-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);
  for (const name of ['bin', 'storage', 'work']) mkdirSync(at(name));
  for (const [name, text] of Object.entries(shims)) {
    writeFileSync(join(at('bin'), name), text);
    chmodSync(join(at('bin'), name), 0o755);
  }
  cpSync('/etc/orthanc', at('etc'), { recursive: true });
  for (const name of ['functions', 'models', 'node_modules', 'test', 'package.json'])
    if (existsSync(name)) symlinkSync(resolve(name), join(at('work'), name));
  return {
    folder,
    etc: at('etc'),
    /** Run commands in a private network with private mounts. `log` has all outputs and logs. */
    async run(commands: string) {
      const script = `
    set -e
    ip link set lo up
    mount --bind ${at('etc')} /etc/orthanc
    mount --bind ${at('storage')} /var/lib/orthanc
    cd ${at('work')}
    ${commands}
  `;
      writeFileSync(at('guide.sh'), script);
      const { status, output } = await new Promise<{ status: number | null; output: string }>((done) => {
        const child = execFile(
          'unshare',
          ['-n', '-m', '-p', '-f', '--kill-child', 'bash', at('guide.sh')],
          { env: { ...process.env, PATH: `${at('bin')}:${process.env['PATH']}:/usr/sbin:/sbin`, GUIDE: folder } },
          (_, stdout, stderr) => done({ status: child.exitCode, output: stdout + stderr }),
        );
      });
      const logs = ['orthanc.log', 'alara.log'].map(at).filter((path) => existsSync(path));
      const log = `${output}\n${logs.map((path) => readFileSync(path, 'utf8')).join('\n')}`;
      return { status, output, log };
    },
  };
}

test.skipIf(cannot)(
  `the guide, word for word, on a new Orthanc, produces a report${cannot}`,
  async () => {
    const { folder, run } = openGuide();
    const [install = '', configure = '', start = '', film = '', result = '', ...more] = blocks();
    expect(more).toEqual([]);
    const { status, output, log } = await run(`
    ${install}
    ${configure}
    (${start}) > ${folder}/alara.log 2>&1 &
    for i in $(seq 300); do grep -q http:// ${folder}/alara.log && break; sleep 0.2; done
    ${film}
    ${result}
  `);
    expect(status, log).toBe(0);
    expect(output, log).toContain('Comprehensive 3D SR');
    expect(output).toContain('ALARA^TEST');
  },
  120_000,
);

test.skipIf(cannot)(
  `the guide's edits, applied twice, keep the scripts and users of an Orthanc in use, and all hooks run${cannot}`,
  async () => {
    const { etc, run } = openGuide();
    const edit = (name: string, change: (text: string) => string) =>
      writeFileSync(join(etc, name), change(readFileSync(join(etc, name), 'utf8')));
    // Hooks of the site, one of which fails, and a script that an earlier version of the guide put first.
    writeFileSync(
      join(etc, 'site.lua'),
      "function OnStoredInstance(id, tags)\n  print('site saw ' .. tags['Modality'])\n  error('site failed')\nend\n" +
        "function OnStableStudy(id, tags)\n  print('site stable ' .. tags['StudyID'])\nend\n",
    );
    edit('orthanc.json', (text) =>
      text
        .replace(
          '"LuaScripts" : [',
          '"LuaScripts" : [\n    // The site\'s own.\n    "/etc/orthanc/alara.lua",\n    "/etc/orthanc/site.lua"',
        )
        .replace('"StableAge" : 60', '"StableAge" : 1'),
    );
    edit('credentials.json', (text) => text.replace('// "alice" : "alicePassword"', '"alice" : "alicePassword"'));
    // Orthanc rejects a setting that two configuration files contain.
    writeFileSync(join(etc, 'site.json'), '{ /* ours */ "AuthenticationEnabled": true }');
    writeFileSync(
      join(etc, 'alara.json'),
      '{ "Alara": { "Url": "http://127.0.0.1:8080/v1/hooks/orthanc", "Key": "k" } }',
    );

    const [install = '', configure = ''] = blocks();
    const edits = configure.replace('sudo systemctl restart orthanc', '');
    const { status, output, log } = await run(`
    ${install}
    ${edits}
    cp -r /etc/orthanc "$GUIDE/once"
    ${install}
    ${edits}
    diff -r /etc/orthanc "$GUIDE/once" && echo 'the same after both'
    ${configure}
    img2dcm -k Modality=DX -k PatientID=ALARA-TEST -k StudyID=S1 test/films/nih_00000442_000.jpg film.dcm
    storescu -xy 127.0.0.1 4242 film.dcm
    sleep 4
    curl -s -o /dev/null -w 'alice %{http_code}\n' -u alice:alicePassword http://127.0.0.1:8042/system
    curl -s -o /dev/null -w 'alara %{http_code}\n' -u "alara:$(cat .alara/orthanc.password)" http://127.0.0.1:8042/system
  `);
    expect(status, log).toBe(0);
    expect(output, log).toContain('the same after both');
    expect(output).toContain('Nothing to change.');
    expect(output).toContain('alice 200');
    expect(output).toContain('alara 200');
    expect(log).toContain('site saw DX');
    expect(log).toContain('site failed');
    expect(log).toContain('site stable S1');
    // No service listens, so the script logs that its notification failed.
    expect(log).toContain('Alara could not be notified');
    const configuration = readFileSync(join(etc, 'orthanc.json'), 'utf8');
    expect(configuration).toContain("// The site's own.");
    expect(configuration).toMatch(/site\.lua",?\s*"\/etc\/orthanc\/alara\.lua"/);
    expect(readFileSync(join(etc, 'alara.json'), 'utf8')).toContain('"Key": "k"');
    expect(statSync(join(etc, 'credentials.json')).mode & 0o777).toBe(
      statSync('/etc/orthanc/credentials.json').mode & 0o777,
    );
  },
  120_000,
);

test.skipIf(cannot || process.getuid?.() !== 0)(
  `a configuration without scripts and users gets files that Orthanc's group can read${cannot}`,
  async () => {
    const { etc, run } = openGuide();
    rmSync(join(etc, 'credentials.json'));
    const orthanc = join(etc, 'orthanc.json');
    writeFileSync(orthanc, readFileSync(orthanc, 'utf8').replace(/"LuaScripts" : \[\s*\],/, ''));
    chownSync(join(etc, 'dicomweb.json'), 0, 12345);
    const [install = '', configure = ''] = blocks();
    const { status, log } = await run(`
    ${install}
    ${configure.replace('sudo systemctl restart orthanc', '')}
    cat .alara/orthanc.password
  `);
    expect(status, log).toBe(0);
    expect(log).toContain(JSON.parse(readFileSync(join(etc, 'credentials.json'), 'utf8')).RegisteredUsers.alara);
    expect(JSON.parse(readFileSync(join(etc, 'alara.json'), 'utf8'))).toMatchObject({
      ...{ AuthenticationEnabled: true, Alara: { Key: '' } },
      LuaScripts: ['/etc/orthanc/alara.lua'],
    });
    for (const name of ['credentials.json', 'alara.json']) {
      const { gid, mode } = statSync(join(etc, name));
      expect([gid, mode & 0o777]).toEqual([12345, 0o640]);
    }
  },
);

test.skipIf(cannot)(
  `the gateway commands, run twice, register the PACS in Orthanc${cannot}`,
  async () => {
    const { etc, run } = openGuide();
    const [install = ''] = blocks();
    const text = readFileSync('docs/pacs.md', 'utf8');
    const [, section = ''] = /\n## A gateway to a PACS(.*?)\n## /s.exec(text) ?? [];
    const [, gateway = ''] = /```sh\n(.*?)```/s.exec(section) ?? [];
    const edits = gateway.replace('sudo systemctl restart orthanc', '');
    const { status, output, log } = await run(`
    ${install}
    ${edits}
    cp -r /etc/orthanc "$GUIDE/once"
    ${edits}
    diff -r /etc/orthanc "$GUIDE/once" && echo 'the same after both'
    ${gateway}
    curl -s -u "alara:$(cat .alara/orthanc.password)" http://127.0.0.1:8042/modalities/alara-pacs/configuration
  `);
    expect(status, log).toBe(0);
    expect(output, log).toContain('the same after both');
    expect(output).toMatch(/"AET" : "PACS"[\s\S]*"Host" : "10\.0\.0\.5"[\s\S]*"Port" : 104/);
    expect(readFileSync(join(etc, 'orthanc.json'), 'utf8')).toMatch(
      /"LuaScripts"\s*:\s*\[\s*"\/etc\/orthanc\/gateway\.lua",\s*"\/etc\/orthanc\/alara\.lua"\s*\]/,
    );
  },
  120_000,
);
