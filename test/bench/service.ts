import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { BenchFilm } from './films.ts';

const agent = new Agent({ keepAlive: true });

/** The service under test: `alara serve` with its own store, and its log in a file of the store. */
export type MeasuredService = { readonly child: ChildProcess; readonly pid: number; readonly url: string };

/** Start the service with its defaults and these settings. */
export async function startService(
  data: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<MeasuredService> {
  const child = spawn(process.execPath, ['functions/cli/main.ts', 'serve'], {
    env: { ...process.env, ...settings, PORT: '0', ALARA_DATA: data },
    stdio: ['ignore', 'pipe', openSync(join(data, 'log'), 'a')],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service stopped with ${code}`)));
    child.stdout?.on('data', (chunk) => {
      const found = /http:\/\/[\d.]+:\d+/.exec(String(chunk));
      if (found) resolve(found[0]);
    });
  });
  return { child, pid: child.pid ?? 0, url };
}

export function stopService({ child }: MeasuredService): Promise<void> {
  const stopped = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  return stopped;
}

/** Send a film over a connection that is kept open. */
export function post(address: string, body: Buffer, mediaType: string): Promise<{ status: number; answer: Buffer }> {
  const headers = { 'content-type': mediaType, 'content-length': body.length };
  return new Promise((resolve, reject) => {
    request(address, { method: 'POST', agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, answer: Buffer.concat(chunks) }));
    })
      .once('error', reject)
      .end(body);
  });
}

let sent = 0;
const files = new Map<string, Buffer>();

/** Read a film over HTTP. Resolves with the time in ms. Each request has another prevalence, so that no answer is stored already. */
export async function readOverHttp(url: string, film: BenchFilm, query: string): Promise<number> {
  const body = files.get(film.path) ?? readFileSync(film.path);
  files.set(film.path, body);
  const address = `${url}/v1/readings?${query}&prevalence=${0.1 + ++sent / 1e6}`;
  const start = performance.now();
  const { status, answer } = await post(address, body, film.mediaType);
  if (status !== 201) throw new Error(answer.toString());
  return performance.now() - start;
}
