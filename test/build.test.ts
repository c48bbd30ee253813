import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { film } from './support/service.ts';

let child: ChildProcess | undefined;
afterAll(() => child?.kill('SIGKILL'));

test('the bundle serves a film, the page and the documentation', async () => {
  execFileSync(process.execPath, ['functions/build.ts'], { stdio: 'pipe' });
  child = spawn(process.execPath, ['dist/main.js', 'serve'], {
    env: { ...process.env, PORT: '0', ALARA_DATA: mkdtempSync(join(tmpdir(), 'alara-bundle-')), ALARA_LOG: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child?.once('exit', (code) => reject(new Error(`the bundle stopped with ${code}`)));
    child?.stdout?.on('data', (chunk) => {
      const found = /http:\/\/[\d.]+:\d+/.exec(String(chunk));
      if (found) resolve(found[0]);
    });
  });
  const response = await fetch(`${url}/v1/readings?findings=Mass`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: film('00000442_000.png'),
  });
  expect(response.status).toBe(201);
  for (const path of ['/', '/page.js', '/docs/scalar.js', '/v1/test-films/chest.jpg'])
    expect((await fetch(url + path)).status, path).toBe(200);
  const ended = new Promise((resolve) => child?.once('exit', resolve));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
