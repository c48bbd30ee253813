import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { restartPauseMs } from '../../../functions/cli/serve/supervisor.ts';
import { route } from '../../../functions/routing/cheapest-plan.ts';
import { costTable } from '../../../functions/routing/cost-table.ts';
import { alara, damagedFamily, family, films, folder, serve, until } from '../../support/cli.ts';

const [film = ''] = films;

const post = (url: string, query: string) =>
  fetch(`${url}/v1/readings${query}`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: new Uint8Array(readFileSync(film)),
  });

const accepted = async (url: string) => {
  const { waiting, running } = await (await fetch(`${url}/health/ready`)).json();
  return waiting + running;
};

const hasCurl = spawnSync('curl', ['--version']).status === 0;

test.skipIf(!hasCurl)('the banner has a working curl command, the documentation and the notice', async () => {
  const { url, banner } = await serve();
  expect(banner).toContain(`${url}/docs`);
  expect(banner).toContain('Not for diagnosis');
  const [line = ''] = /^curl .*$/m.exec(banner) ?? [];
  const reading = JSON.parse(
    execFileSync('sh', ['-c', line], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  expect(reading.findings.map(({ finding }: { finding: string }) => finding)).toEqual(
    family.catalog.findings.filter((finding) => ['Nodule', 'Emphysema'].includes(finding)),
  );
});

test.skipIf(!hasCurl)(
  'the banner of a service that needs a key has a line that creates a key, and curl sends it',
  async () => {
    const { banner } = await serve({ ALARA_AUTH: 'required' });
    const [, lines = ''] = /:\n(KEY=.*\ncurl .*)$/m.exec(banner) ?? [];
    expect(lines).toContain(' -H "Authorization: Bearer $KEY" ');
    const script = lines.replace(/(npm run -s alara --|alara) keys/, `${process.execPath} functions/cli/main.ts keys`);
    const answer = execFileSync('sh', ['-c', script], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(JSON.parse(answer).findings).toHaveLength(2);
  },
);

test('SIGTERM answers accepted requests, then ends with code 0', async () => {
  const { url, pid, ended } = await serve({ ALARA_WORKERS: '1' });
  const flight = Array.from({ length: 4 }, (_, i) => post(url, `?prevalence=0.1${i}`));
  await until(async () => (await accepted(url)) === flight.length);
  process.kill(pid, 'SIGTERM');
  const answers = await Promise.all(flight);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
  expect(await ended).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

test('after a native crash a new server answers at once, and earlier readings are still found', async () => {
  const { url, serverPid, said, ended, pid } = await serve();
  const { id, findings } = await (await post(url, '?findings=Nodule')).json();
  const before = serverPid();
  process.kill(before, 'SIGSEGV');
  const stored = `${url}/v1/readings/${id}`;
  const isBack = () =>
    fetch(stored).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(isBack, 60_000);
  expect((await (await fetch(stored)).json()).findings).toEqual(findings);
  expect(serverPid()).not.toBe(before);
  expect(said()).toContain('SIGSEGV; starting it again');
  // A client repeats a request that the crash interrupted: the same film and request give the same reading.
  const retried = await post(url, '?findings=Nodule');
  expect(retried.status).toBe(200);
  expect((await retried.json()).id).toBe(id);
  process.kill(pid, 'SIGTERM');
  expect(await ended).toBe(0);
});

test('a server that crashes at each start is restarted with growing pauses, and answers when the cause is gone', {
  timeout: 60_000,
}, async () => {
  // Seven crashes: the number of restarts has no limit.
  const deaths = join(folder(), 'deaths');
  const crash = `data:text/javascript,
    import { appendFileSync, existsSync, statSync } from 'node:fs';
    if (process.argv.includes('--child') && !(existsSync('${deaths}') && statSync('${deaths}').size >= 7)) {
      appendFileSync('${deaths}', 'x');
      process.abort();
    }`.replaceAll(/\s+/g, '%20');
  const { url, said, pid, ended } = await serve({ NODE_OPTIONS: `--import="${crash}"` }, 50_000);
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  expect(said().match(/starting it again/g)).toHaveLength(7);
  expect(said()).toMatch(/7 times in a row within 5 s/);
  process.kill(pid, 'SIGTERM');
  expect(await ended).toBe(0);
});

test('SIGTERM ends the pause before a restart', async () => {
  const crash = `data:text/javascript,if (process.argv.includes('--child')) process.abort()`;
  const { code } = await alara(['serve'], { NODE_OPTIONS: `--import="${crash}"` }, (stderr, child) => {
    if (/6 times in a row/.test(stderr)) child.kill('SIGTERM');
  });
  expect(code).toBe(0);
});

test('the pause between restarts grows, has an upper bound and is random', () => {
  const pauses = Array.from({ length: 2000 }, (_, early) => restartPauseMs(early, 1));
  expect(pauses.slice(0, 5)).toEqual([0, 0, 250, 500, 1000]);
  expect(pauses.every((pause, i) => i === 0 || pause >= (pauses[i - 1] ?? 0))).toBe(true);
  expect(Math.max(...pauses)).toBe(30_000);
  expect([0, 0.5, 1].map((random) => restartPauseMs(50, random))).toEqual([15_000, 22_500, 30_000]);
});

test('a wrong setting ends the server at once with its error', async () => {
  const { code, stderr } = await alara(['serve'], { ALARA_WORKERS: 'many' });
  expect(stderr).toMatch(/ALARA_WORKERS=many: expected a whole number/);
  expect(stderr).not.toMatch(/starting it again/);
  expect(code).toBe(2);
});

test('a port in use is named, with another port to try', async () => {
  const { url } = await serve();
  const { port } = new URL(url);
  const { code, stderr } = await alara(['serve'], { PORT: port });
  expect(stderr).toBe(
    `alara: port ${port} on 127.0.0.1 is taken. Stop what listens there, or choose another: PORT=${Number(port) + 1} npm start\n`,
  );
  expect(code).toBe(2);
});

test('the server stops when its supervisor has ended, even if a client continues to send requests', async () => {
  const { url, pid } = await serve();
  process.kill(pid, 'SIGKILL');
  const isGone = () =>
    fetch(url).then(
      () => false,
      () => true,
    );
  await until(isGone);
});

test('the server of npm start stops when npm and its shell are gone', async () => {
  // npm starts a shell, and some shells start the script as a child of their own.
  const shell = spawn('sh', ['-c', `'${process.execPath}' functions/cli/main.ts serve; true`], {
    env: { ...process.env, PORT: '0', ALARA_LOG: 'silent', ALARA_DATA: folder(), npm_lifecycle_event: 'start' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let banner = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    banner += text;
  });
  await until(() => /diagnosis/.test(banner));
  const url = /http:\/\/[\d.:]+/.exec(banner)?.[0] ?? '';
  expect((await fetch(`${url}/health/live`)).status).toBe(200);
  shell.kill('SIGTERM');
  const isGone = () =>
    fetch(url).then(
      () => false,
      () => true,
    );
  await until(isGone);
});

test('models that differ from the catalog never run, and the banner reports them', async () => {
  const { catalog, policies, ownPolicy } = family;
  const policy = policies[ownPolicy];
  if (!policy) throw new Error('a family has its own policy');
  const everything = { findings: catalog.findings, minAuroc: {}, bestEffort: true };
  const usual = route(catalog, policy, costTable(catalog, 'cpu'), everything);
  if (!usual.ok) throw new Error(usual.fault.code);
  const [{ variant } = { variant: catalog.variants[0] }] = usual.value.runs;
  const models = damagedFamily(variant?.file ?? '', (bytes) => bytes.fill((bytes[9] ?? 0) ^ 1, 9, 10));
  const environment = { ALARA_MODELS: models, ALARA_FAMILY: catalog.family, ALARA_POLICY: ownPolicy };
  const { url, banner } = await serve(environment);
  expect(banner).toContain('not ready');
  const ready = await fetch(`${url}/health/ready`);
  expect(ready.status).toBe(503);
  expect((await ready.json()).problem).toContain('SHA-256');
  const { code, stderr } = await alara(['read', film, '--variant', variant?.id ?? ''], environment);
  expect(stderr).toMatch(/not what the catalog says.*alara catalog verify/);
  expect(code).toBe(2);
});
