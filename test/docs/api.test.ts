import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { jobStates } from '../../functions/core/job.ts';
import { describedSettings } from '../../functions/platform/settings.ts';
import { alara, folder, serve, until } from '../support/cli.ts';
import { codeBlocks } from '../support/code-blocks.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { openService } from '../support/service.ts';

const run = promisify(execFile);
const page = readFileSync('docs/api.md', 'utf8');
/** The code blocks of a language, in order: the quick start, the receiver, the polite client, the test films. */
const samples = (language: string) =>
  codeBlocks('docs/api.md').flatMap((block) => (block.language === language ? [block.code] : []));

const languages = [
  { name: 'python', file: 'sample.py', program: resolve('.venv/bin/python') },
  { name: 'javascript', file: 'sample.mjs', program: process.execPath },
];

/** Whether a server on this machine answers HTTP. */
const isOpen = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The files of a clone that `npm run alara` needs, with a folder of data of its own. */
function clone(): string {
  const root = folder();
  for (const name of ['package.json', 'functions', 'models', 'node_modules', 'test'])
    symlinkSync(resolve(name), join(root, name));
  return root;
}

/** Run lines in a plain shell in a clone, as after a paste. Returns its standard output. */
async function paste(lines: string, cwd: string): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await run('sh', ['-euc', lines], { cwd, env: { PATH, HOME }, timeout: 120_000 });
  return stdout;
}

type Program = { readonly child: ChildProcess; output(): string };

/** Start a program. The end of the test kills it. */
function start(program: string, args: readonly string[], cwd: string, environment: Record<string, string>): Program {
  const child = spawn(program, args, { cwd, env: { ...process.env, ...environment } });
  onTestFinished(() => void child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  return { child, output: () => output };
}

/** Run a program to its end. Returns its exit code and its output. */
async function finish(...args: Parameters<typeof start>): Promise<[number, string]> {
  const { child, output } = start(...args);
  const [code] = await once(child, 'close');
  return [code, output()];
}

/** Send a request byte for byte, as `fetch` would not, and return the answer. */
async function exchange(port: number, head: readonly string[], body = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => (answer += text));
  socket.write([...head, 'Connection: close', '', body].join('\r\n'), 'latin1');
  await once(socket, 'close');
  return answer;
}

test('every block of code on the page is run by this test, or by the tests of generated clients', () => {
  const blocks = [...page.matchAll(/^```(\w*)$/gm)].map(([, name]) => name).filter(Boolean);
  expect(blocks.toSorted()).toEqual([
    ...['javascript', 'javascript', 'javascript', 'javascript'],
    ...['python', 'python', 'python', 'python'],
    ...['sh', 'sh', 'sh'],
    ...['typescript', 'yaml'],
  ]);
});

for (const { name, file, program } of languages)
  test.skipIf(!existsSync(program))(`the ${name} samples run as they stand (pretest installs Python)`, async () => {
    const root = clone();
    const { url } = await serve({ ALARA_DATA: join(root, '.alara'), ALARA_AUTH: 'required' });
    const port = await freePort();
    const here = (lines: string) => lines.replaceAll('http://127.0.0.1:8080', url).replaceAll('9000', String(port));

    const [shell = ''] = samples('sh').map(here);
    const exported = await paste(`${shell}printf '%s\\n' "$API_KEY" "$WEBHOOK_SECRET"`, root);
    const [key = '', secret = ''] = exported.split('\n');
    expect([key, secret]).toEqual([expect.stringMatching(/^alara_/), expect.stringMatching(/^whsec_/)]);
    const environment = { API_KEY: key, WEBHOOK_SECRET: secret };

    const save = (sample: string, folderName: string) => {
      mkdirSync(join(root, folderName), { recursive: true });
      const path = join(root, folderName, file);
      writeFileSync(path, here(sample));
      return path;
    };
    const [quickStart = '', receiver = ''] = samples(name);
    const receiving = start(program, [save(receiver, 'receiver')], root, environment);
    await until(() => isOpen(port));

    await refusesForgeries(port);
    const quick = save(quickStart, 'quick-start');
    expect(await finish(program, [quick], root, environment)).toEqual([
      0,
      expect.stringMatching(/^Nodule \w+ 0\.\d+\nEdema \w+ 0\.\d+\njob done rd_[0-9a-f]{64}\n$/),
    ]);
    await until(() => receiving.output().includes('verified'));
    expect(receiving.output()).toMatch(/verified job_[0-9a-f]{64} done\n$/);
    expect(receiving.output()).not.toContain('forged');

    // A job that fails has no outcome. The sample shows the problem of the job.
    const refused = join('functions', 'api', 'test-films', 'not-a-chest.png');
    const failing = quickStart
      .replace('requests\n', `requests\nother = open("${refused}", "rb").read()\n`)
      .replace('const base', `const other = await readFile('${refused}');\nconst base`)
      .replace(/(data=|body: )film(, timeout=300|, headers: \{ \.\.\.upload)/, '$1other$2');
    const [code, output] = await finish(program, [save(failing, 'failing')], root, environment);
    expect([code, output]).toEqual([0, expect.stringMatching(/job failed \{[\s\S]*not_a_frontal_chest[\s\S]*score/)]);

    // A refused request ends the sample with the whole problem.
    const wrong = save(quickStart.replaceAll('Nodule,Edema', 'Nodul'), 'wrong');
    const [wrongCode, message] = await finish(program, [wrong], root, environment);
    expect([wrongCode, message]).toEqual([1, expect.stringMatching(/unknown_finding[\s\S]*"nearest":\s*"Nodule"/)]);
  });

for (const { name, file, program } of languages)
  test.skipIf(!existsSync(program))(
    `the quick start in ${name} does not wait for space that no job frees (pretest installs Python)`,
    async () => {
      const work = folder();
      const data = { ALARA_DATA: join(work, '.alara') };
      const { url } = await serve({ ...data, ALARA_QUOTA_MB: '1' });
      const { stdout } = await alara(['keys', 'create', '--tenant', 'clinic', '--scopes', 'readings,jobs'], data);
      await alara(['webhooks', 'allow', 'clinic', '127.0.0.1:9000'], data);
      // The upload has space, its copy for the job has none.
      const half = await chest({ columns: 560, rows: 560, bits: 12 });
      writeFileSync(join(work, 'film.dcm'), part10(chestDataset(half)));
      const [quickStart = ''] = samples(name);
      writeFileSync(join(work, file), quickStart.replaceAll('http://127.0.0.1:8080', url));
      const began = performance.now();
      const [code, output] = await finish(program, [join(work, file)], work, { API_KEY: stdout.trim() });
      expect([code, output]).toEqual([1, expect.stringMatching(/POST \/v1\/jobs: 429 .*quota_exceeded/)]);
      // Six tries that double their wait take 63 s.
      expect(performance.now() - began).toBeLessThan(50_000);
    },
  );

/** The receiver answers 401 to requests that nobody signed, and goes on. */
async function refusesForgeries(port: number): Promise<void> {
  const now = String(Math.floor(Date.now() / 1000));
  const signature = `v1,${Buffer.alloc(32).toString('base64')}`;
  const body = '{"data":{"job":{"id":"forged","state":"done"}}}';
  const length = `Content-Length: ${body.length}`;
  const signed = (id: string, sent: string, signatures: string) => [
    length,
    `webhook-id: ${id}`,
    `webhook-timestamp: ${sent}`,
    `webhook-signature: ${signatures}`,
  ];
  const forgeries: readonly (readonly string[])[] = [
    signed('forged', now, signature),
    [length],
    [],
    signed('forged', now, '').slice(0, 3),
    ...['abc', '', 'nan', 'inf', '-1', '0', '9'.repeat(5000), '\u00b2'].map((sent) =>
      signed('forged', sent, signature),
    ),
    ...['v1,\u00e9\u00fc', '\u00e9', 'v1,', 'v2,AAAA', '', ' ', `${signature} v1,\u00ff`].map((one) =>
      signed('forged', now, one),
    ),
    signed('\u00e9', now, signature),
  ];
  for (const forgery of forgeries) {
    const answer = await exchange(
      port,
      ['POST /alara HTTP/1.1', 'Host: localhost', ...forgery],
      forgery.length > 0 ? body : '',
    );
    expect([forgery, answer]).toEqual([forgery, expect.stringMatching(/^HTTP\/1\.[01] 401 /)]);
  }
  // A sender that cuts the connection within the body.
  const cut = connect(port, '127.0.0.1');
  cut.write('POST /alara HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{');
  await once(cut, 'connect');
  await new Promise((done) => setTimeout(done, 200));
  cut.resetAndDestroy();
  await once(cut, 'close');
  expect(await exchange(port, ['POST /alara HTTP/1.1', 'Host: localhost', length], body)).toMatch(
    /^HTTP\/1\.[01] 401 /,
  );
}

test.skipIf(!existsSync('.venv/bin/python'))(
  'the webhook of a caller without a key is verified when the lines are pasted (pretest installs Python)',
  async () => {
    const root = clone();
    const { url } = await serve({ ALARA_DATA: join(root, '.alara') });
    const port = await freePort();
    const here = (lines: string) => lines.replaceAll('http://127.0.0.1:8080', url).replaceAll('9000', String(port));
    writeFileSync(join(root, 'receiver.py'), here(samples('python')[1] ?? ''));
    const [, allow = '', submit = ''] = samples('sh').map(here);
    const lines = [
      allow,
      `${resolve('.venv/bin/python')} receiver.py > output 2>&1 & trap 'kill $!' EXIT`,
      `until curl -s -o /dev/null http://127.0.0.1:${port}/; do sleep 0.1; done`,
      submit,
      `until grep -q verified output; do sleep 0.1; done; cat output`,
    ];
    expect(await paste(lines.join('\n'), root)).toMatch(/^verified job_[0-9a-f]{64} done$/m);
  },
);

for (const { name, file, program } of languages)
  test.skipIf(!existsSync(program))(
    `the polite client in ${name} is never refused (pretest installs Python)`,
    async () => {
      const data = folder();
      const { url } = await serve({ ALARA_DATA: data, ALARA_AUTH: 'required', ALARA_FILM_RATE: '20' });
      const { stdout } = await alara(['keys', 'create', '--tenant', 'clinic', '--scopes', 'readings,jobs'], {
        ALARA_DATA: data,
      });
      const key = stdout.trim();
      const work = folder();
      for (const rows of [512, 513, 514])
        writeFileSync(join(work, `${rows}.dcm`), part10(chestDataset(await chest({ columns: 512, rows, bits: 8 }))));
      // Leave one film of the limit. A refused request counts.
      const headers = { authorization: `Bearer ${key}` };
      for (let i = 0; i < 19; i++) await fetch(`${url}/v1/jobs`, { method: 'POST', headers });
      const [, , polite = ''] = samples(name);
      writeFileSync(join(work, file), polite.replaceAll('http://127.0.0.1:8080', url));
      const child = spawn(program, [join(work, file)], { cwd: work, env: { ...process.env, API_KEY: key } });
      onTestFinished(() => void child.kill());
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text));
      const [code] = await once(child, 'close');
      const read = String.raw`rd_[0-9a-f]{64}\n`;
      expect([code, output]).toEqual([
        0,
        expect.stringMatching(`^512.dcm ${read}513.dcm ${read}514.dcm ${read}refused 0 times\n$`),
      ]);
      // The limit was reached: without the pauses the client would have been refused.
      const after = await fetch(`${url}/v1/jobs`, { method: 'POST', headers });
      expect(after.headers.get('ratelimit')).toMatch(/^"films";r=0/);
    },
  );

test.skipIf(!existsSync('.venv/bin/python'))(
  'the sample with test films runs as it stands (pretest installs Python)',
  async () => {
    const data = folder();
    const { url } = await serve({ ALARA_DATA: data, ALARA_AUTH: 'required', ALARA_FILM_RATE: '13' });
    const { stdout } = await alara(['keys', 'create', '--tenant', 'tests', '--scopes', 'readings'], {
      ALARA_DATA: data,
    });
    const [, , , sample = ''] = samples('python').map((code) => code.replaceAll('http://127.0.0.1:8080', url));
    const environment = { API_KEY: stdout.trim() };
    const runs = (code: string) => finish(resolve('.venv/bin/python'), ['-c', code], data, environment);
    const headers = { authorization: `Bearer ${environment.API_KEY}` };
    const stored = async () => {
      const { readings } = await (await fetch(`${url}/v1/readings`, { headers })).json();
      return readings.length;
    };

    // A wrong media type adds a warning to the reading. The sample says so, and deletes the reading.
    const wrong = await runs(sample.replace('film["mediaType"]', '"image/png"'));
    expect(wrong).toEqual([1, expect.stringContaining("chest.jpg 201 warnings is ['media_type_mismatch'], not []")]);
    expect(wrong[1]).toContain("Unexpected answers: ['chest.jpg'");
    expect(await stored()).toBe(0);

    // The film was read before. The limit of the key is reached, so the sample waits.
    const body = readFileSync('functions/api/test-films/chest.jpg');
    await fetch(`${url}/v1/readings`, { method: 'POST', headers: { ...headers, 'content-type': 'image/png' }, body });
    expect(await stored()).toBe(1);
    expect(await runs(sample)).toEqual([0, expect.stringMatching(/^chest.jpg 201\n.*\nunsupported.tiff 415\n$/s)]);
    expect(await stored()).toBe(0);
    const after = await fetch(`${url}/v1/readings`, { method: 'POST', headers });
    expect(after.headers.get('ratelimit')).toMatch(/^"films";r=0/);
  },
);

test('a page of a named origin may send and read the headers that the page lists', async () => {
  const origin = 'https://ris.example.org';
  const service = await openService({ ALARA_CORS_ORIGINS: origin, ALARA_AUTH: 'required' });
  onTestFinished(() => service.close());
  const [, sent = '', read = ''] = /The page may send ([^.]*), and read ([^.]*) of the answer/.exec(page) ?? [];
  const names = (list: string) => [...list.matchAll(/`([\w-]+)`/g)].map(([, name]) => name);
  const preflight = await service.app.request('/v1/readings', {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });
  expect([preflight.status, preflight.headers.get('access-control-max-age')]).toEqual([204, '600']);
  expect(names(sent)).toEqual(preflight.headers.get('access-control-allow-headers')?.split(','));
  const answer = await service.app.request('/v1/readings', { method: 'POST', headers: { origin } });
  expect(answer.status).toBe(401);
  const readable = answer.headers.get('access-control-expose-headers')?.split(',') ?? [];
  expect(names(read)).not.toEqual([]);
  expect(readable).toEqual(expect.arrayContaining(names(read)));
});

test('the page describes every state of a job, in the order of the code', () => {
  const table = page.slice(page.indexOf('## The states of a job'), page.indexOf('## Receive a webhook'));
  expect([...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, state]) => state)).toEqual([...jobStates]);
});

test('the limits on the page are the defaults of the settings', () => {
  const table = page.slice(page.indexOf('## Limits'), page.indexOf('## Changes'));
  const limits = [...table.matchAll(/\| (?:kept for )?([\d ]*\d)( s)?[^|]*\| `(\w+)` \|$/gm)];
  expect(limits).toHaveLength(6);
  for (const [, amount = '', isSeconds, setting] of limits) {
    const usual = Number(amount.replaceAll(' ', '')) * (isSeconds ? 1000 : 1);
    expect([setting, describedSettings.find(({ name }) => name === setting)?.usual]).toEqual([setting, String(usual)]);
  }
});
