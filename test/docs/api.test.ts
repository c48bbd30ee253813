import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { describedSettings } from '../../functions/platform/settings.ts';
import { alara, folder, serve, until } from '../support/cli.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';

const run = promisify(execFile);
const page = readFileSync('docs/api.md', 'utf8');
/** The code blocks of a language, in order: the quick start, the receiver, the polite client, the test films. */
const samples = (language: string) =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, code = '']) => (name === language ? [code] : []));

const languages = [
  { name: 'python', file: 'sample.py', program: resolve('.venv/bin/python') },
  { name: 'javascript', file: 'sample.mjs', program: process.execPath },
];

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Run lines in a shell in the repository, as after a paste. Returns its standard output. */
async function paste(lines: string, environment: Record<string, string>): Promise<string> {
  const { stdout } = await run('bash', ['-euc', lines], {
    env: { ...process.env, ...environment },
    timeout: 120_000,
  });
  return stdout;
}

test('every block of code on the page is run by this test', () => {
  const blocks = [...page.matchAll(/^```(\w*)$/gm)].map(([, name]) => name).filter(Boolean);
  expect(blocks.toSorted()).toEqual([
    ...['javascript', 'javascript', 'javascript'],
    ...['python', 'python', 'python', 'python'],
    ...['sh', 'sh', 'sh'],
  ]);
});

for (const { name, file, program } of languages)
  test.skipIf(!existsSync(program))(`the ${name} samples run as they stand (pretest installs Python)`, async () => {
    const data = folder();
    const { url } = await serve({ ALARA_DATA: data, ALARA_AUTH: 'required' });
    const port = await freePort();
    const work = folder();
    writeFileSync(join(work, 'film.dcm'), part10(chestDataset(await chest({ columns: 512, rows: 512, bits: 12 }))));

    const [shell = ''] = samples('sh');
    const exported = `${shell.replaceAll('9000', String(port))}printf '%s\\n' "$ALARA_API_KEY" "$ALARA_WEBHOOK_SECRET"`;
    const [key = '', secret = ''] = (await paste(exported, { ALARA_DATA: data })).split('\n');
    expect([key, secret]).toEqual([expect.stringMatching(/^alara_/), expect.stringMatching(/^whsec_/)]);
    const environment = { ALARA_API_KEY: key, ALARA_WEBHOOK_SECRET: secret };

    const start = (sample: string, where: string): { child: ChildProcess; output: () => string } => {
      mkdirSync(where, { recursive: true });
      writeFileSync(
        join(where, file),
        sample.replaceAll('http://127.0.0.1:8080', url).replaceAll('9000', String(port)),
      );
      const child = spawn(program, [join(where, file)], { cwd: work, env: { ...process.env, ...environment } });
      onTestFinished(() => void child.kill());
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text));
      return { child, output: () => output };
    };
    const [quickStart = '', receiver = ''] = samples(name);
    const receiving = start(receiver, join(work, 'receiver'));
    const isOpen = () =>
      fetch(`http://127.0.0.1:${port}/`, { method: 'GET' }).then(
        () => true,
        () => false,
      );
    await until(isOpen);

    // A forged webhook is refused.
    const forged = await fetch(`http://127.0.0.1:${port}/alara`, {
      method: 'POST',
      body: '{"data":{"job":{"id":"forged","state":"done"}}}',
      headers: {
        'webhook-id': 'forged',
        'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
        'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
      },
    });
    expect(forged.status).toBe(401);

    const { child, output } = start(quickStart, join(work, 'quick-start'));
    const [code] = await once(child, 'close');
    expect([code, output()]).toEqual([
      0,
      expect.stringMatching(/^Nodule \w+ 0\.\d+\nEdema \w+ 0\.\d+\njob done rd_[0-9a-f]{64}\n$/),
    ]);
    await until(() => receiving.output().includes('verified'));
    expect(receiving.output()).toMatch(/verified job_[0-9a-f]{64} done\n$/);
    expect(receiving.output()).not.toContain('forged');
  });

test.skipIf(!existsSync('.venv/bin/python'))(
  'the webhook of a caller without a key is verified when the lines are pasted (pretest installs Python)',
  async () => {
    const data = folder();
    const { url } = await serve({ ALARA_DATA: data });
    const port = await freePort();
    const here = (lines: string) => lines.replaceAll('http://127.0.0.1:8080', url).replaceAll('9000', String(port));
    const work = folder();
    writeFileSync(join(work, 'receiver.py'), here(samples('python')[1] ?? ''));
    const [, allow = '', submit = ''] = samples('sh').map(here);
    const output = join(work, 'output');
    const lines = [
      allow,
      `.venv/bin/python ${work}/receiver.py > ${output} 2>&1 & trap 'kill $!' EXIT`,
      `until (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null; do sleep 0.1; done`,
      submit,
      `until grep -q verified ${output}; do sleep 0.1; done; cat ${output}`,
    ];
    expect(await paste(lines.join('\n'), { ALARA_DATA: data })).toMatch(/^verified job_[0-9a-f]{64} done$/m);
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
      const child = spawn(program, [join(work, file)], { cwd: work, env: { ...process.env, ALARA_API_KEY: key } });
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
    const { url } = await serve({ ALARA_DATA: data, ALARA_AUTH: 'required' });
    const { stdout } = await alara(['keys', 'create', '--tenant', 'tests', '--scopes', 'readings'], {
      ALARA_DATA: data,
    });
    const [, , , sample = ''] = samples('python');
    const environment = { ...process.env, ALARA_API_KEY: stdout.trim() };
    const child = spawn(resolve('.venv/bin/python'), ['-c', sample.replaceAll('http://127.0.0.1:8080', url)], {
      env: environment,
    });
    onTestFinished(() => void child.kill());
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    const [code] = await once(child, 'close');
    expect([code, output]).toEqual([0, expect.stringMatching(/^chest.jpg 201\n.*\nunsupported.tiff 415\n$/s)]);
  },
);

test('the limits on the page are the defaults of the settings', () => {
  const table = page.slice(page.indexOf('## Limits'), page.indexOf('## Changes'));
  const limits = [...table.matchAll(/\| (?:kept for )?([\d ]*\d)( s)?[^|]*\| `(\w+)` \|$/gm)];
  expect(limits).toHaveLength(6);
  for (const [, amount = '', isSeconds, setting] of limits) {
    const usual = Number(amount.replaceAll(' ', '')) * (isSeconds ? 1000 : 1);
    expect([setting, describedSettings.find(({ name }) => name === setting)?.usual]).toEqual([setting, String(usual)]);
  }
});
