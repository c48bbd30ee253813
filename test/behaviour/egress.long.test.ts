import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/cli.ts';
import { type Effects, effectsIn, mayTrace, traceInto } from '../support/trace.ts';

// No program sends data to another machine unless the user asks for it. Each program runs in a network namespace with only a loopback
// interface, with an empty home and temporary directory. strace lists the addresses that it contacts and the files that it writes. The
// environment is empty as well, so that only the programs themselves can have switched telemetry off.

const film = 'test/films/00000442_000.png';
const python = '.venv/bin/python';
const mayUnshare = () => spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
const missing = mayTrace() && mayUnshare() ? '' : ' (needs root and strace: apt-get install --yes strace iproute2)';

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'alara-egress-'));
  spawnSync(process.execPath, ['functions/build.ts'], { stdio: 'inherit' });
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

type Sandbox = Readonly<Record<'home' | 'temporary' | 'data' | 'log', string>>;

function sandbox(): Sandbox {
  const folder = mkdtempSync(join(base, 'run-'));
  const made = { home: join(folder, 'home'), temporary: join(folder, 'tmp'), data: join(folder, 'data') };
  for (const path of [made.home, made.temporary]) mkdirSync(path);
  return { ...made, log: join(folder, 'strace.log') };
}

const inside = ({ home, temporary, data, log }: Sandbox, command: readonly string[]) =>
  spawn(
    'unshare',
    ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', 'strace', ...traceInto(log), ...command],
    {
      // `node` is found beside the runtime of this test. The environment has nothing else.
      env: {
        PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/sbin:/bin`,
        ...{ HOME: home, TMPDIR: temporary, ALARA_DATA: data, PORT: '8080', PYTHONDONTWRITEBYTECODE: '1' },
        // ONNX Runtime treats an empty value as unset.
        ORT_DISABLE_TELEMETRY: '',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );

/** Paths that a process may write besides ALARA_DATA: devices, and its own entries in /proc. */
const harmless = /^(\/dev\/(null|tty|shm\/sem\.\w+)|\/proc\/(self|\d+)\/.*|pipe:.*|socket:.*)$/;

function expectNothing({ contacted, written }: Effects, { home, temporary, data }: Sandbox): void {
  expect(contacted).toEqual([]);
  // Python's tempfile checks whether a folder is writable: it creates a file with a name of eight characters and removes it.
  const mayWrite = (path: string) =>
    harmless.test(path) ||
    path === data ||
    path.startsWith(`${data}/`) ||
    (dirname(path) === temporary && /^[a-z0-9_]{8}$/.test(basename(path)));
  expect(written.filter((path) => !mayWrite(path))).toEqual([]);
  expect([...readdirSync(home), ...readdirSync(temporary)]).toEqual([]);
}

async function runs(command: readonly string[]): Promise<string> {
  const box = sandbox();
  const child = inside(box, command);
  let output = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  expect(code, output).toBe(0);
  expectNothing(effectsIn(box.log), box);
  return output;
}

describe.skipIf(missing)(`no program sends data to another machine${missing}`, () => {
  test.each([
    ['from source', 'functions/cli/main.ts'],
    ['bundled', 'dist/main.js'],
  ])('the service reads a film, %s', { timeout: 120_000 }, async (_, program) => {
    const box = sandbox();
    const service = inside(box, [process.execPath, program, 'serve']);
    let output = '';
    service.stdout.on('data', (text) => {
      output += text;
    });
    service.stderr.resume();
    const closed = once(service, 'close');
    await until(() => /diagnosis/.test(output) || service.exitCode !== null, 60_000);
    const curl = (...args: string[]) =>
      spawnSync('nsenter', ['-t', String(service.pid), '-n', 'curl', '-sS', '--max-time', '30', ...args], {
        encoding: 'utf8',
      }).stdout;
    const answer = curl(
      '--data-binary',
      `@${film}`,
      '-H',
      'content-type: image/png',
      'http://127.0.0.1:8080/v1/readings',
    );
    expect(JSON.parse(answer)).toMatchObject({ notice: 'Research use only. Not for diagnosis.' });
    for (const path of ['/', '/docs', '/openapi.json', '/health/ready'])
      expect(curl('-o', '/dev/null', '-w', '%{http_code}', `http://127.0.0.1:8080${path}`), path).toBe('200');
    // strace forwards the signal to the traced process.
    spawnSync('pkill', ['-TERM', '-P', String(service.pid)]);
    await closed;
    expectNothing(effectsIn(box.log), box);
  });

  test.each([
    ['read', ['read', film]],
    ['doctor', ['doctor']],
    ['catalog verify', ['catalog', 'verify']],
  ])('alara %s', { timeout: 120_000 }, async (_, args) => {
    await runs([process.execPath, 'functions/cli/main.ts', ...args]);
  });

  test('a Python inference', { timeout: 120_000 }, async () => {
    const script = `
import json, pathlib
import numpy as np
from alara_train.serve import open_variants, read
family = pathlib.Path("models/chest14")
catalog = json.loads((family / "catalog.json").read_text())
variant = catalog["variants"][0]
side = variant["resolution"]
pixels = np.arange(side * side, dtype=np.uint8).reshape(side, side)
answer = read(open_variants(family, catalog)[variant["id"]], variant, catalog["findings"], pixels)
print(len(answer.probabilities))`;
    expect(await runs([resolve(python), '-c', script])).toContain('14');
  });

  test('cdk synth', { timeout: 300_000 }, async () => {
    const box = sandbox();
    const cdk = ['node_modules/.bin/cdk', 'synth', '--quiet', '-c', 'env=dev', '-o', join(box.temporary, 'out')];
    const child = inside(box, [process.execPath, ...cdk]);
    child.stdout.resume();
    child.stderr.resume();
    expect((await once(child, 'close'))[0]).toBe(0);
    // The CLI looks up the name of its user at the socket of the name service cache.
    expect(effectsIn(box.log).contacted.filter((address) => !address.startsWith('AF_UNIX'))).toEqual([]);
    // Digests of assets. An installation id or cached notices would also be here.
    expect(readdirSync(join(box.home, '.cdk', 'cache'))).toEqual(['fingerprints']);
    expect(readdirSync(join(box.home, '.cdk'))).toEqual(['cache']);
  });

  test('strace records contacted addresses and written files', async () => {
    const box = sandbox();
    const script = `require('node:dns').lookup('alara.example', () => {}); require('node:fs').writeFileSync(process.env.HOME + '/found', '')`;
    await once(inside(box, [process.execPath, '-e', script]), 'close');
    const { contacted, written } = effectsIn(box.log);
    expect(written).toContain(join(box.home, 'found'));
    expect(contacted.join()).toMatch(/AF_INET|AF_UNIX/);
  });
});
