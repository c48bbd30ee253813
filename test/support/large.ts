import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { film } from './pacs/films.ts';

const megabyte = randomBytes(1_000_000);
export type Answer = { readonly status: number; readonly body: string; readonly headers: IncomingHttpHeaders };

/** Send a head, then a body of this many megabytes. Returns the status, or 0 if the connection breaks. */
const send = (
  url: string,
  method: string,
  headers: OutgoingHttpHeaders,
  head: Uint8Array,
  megabytes: number,
  tail = '',
) =>
  new Promise<Answer>((resolve) => {
    const outgoing = request(url, { method, headers }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
    });
    outgoing.on('error', () => resolve({ status: 0, body: '', headers: {} }));
    let left = megabytes;
    const more = () => {
      while (left-- > 0) if (!outgoing.write(megabyte)) return outgoing.once('drain', more);
      return outgoing.end(tail);
    };
    if (head.length > 0) outgoing.write(head);
    more();
  });

/** The service of the command line in a new folder. `memory` is the kernel's figure for the server process (Linux). */
export async function openMeasured(environment: Readonly<Record<string, string>> = {}) {
  const data = mkdtempSync(join(tmpdir(), 'alara-memory-'));
  const service = spawn(process.execPath, ['functions/cli/main.ts', 'serve'], {
    env: { ...process.env, PORT: '0', ALARA_DATA: data, ALARA_LOG: 'error', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    service.once('exit', (code) => reject(new Error(`the service stopped with ${code}`)));
    service.stdout.on('data', (chunk) => {
      const found = /http:\/\/[\d.]+:\d+/.exec(String(chunk));
      if (found) resolve(found[0]);
    });
  });
  while (!(await fetch(`${url}/health/ready`)).ok) await delay(50);
  const child = readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8').trim().split(' ')[0];
  const memory = (name: 'VmRSS' | 'VmHWM') =>
    Math.round(
      Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1]) / 1000,
    );
  /** Processor time of the server process so far, in ms (proc(5): utime and stime in hundredths of a second). */
  const processorMs = () => {
    const fields = readFileSync(`/proc/${child}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return 10 * (Number(fields[11]) + Number(fields[12]));
  };
  return {
    url,
    memory,
    processorMs,
    async close() {
      const ended = new Promise((resolve) => service.once('exit', resolve));
      service.kill('SIGTERM');
      await ended;
      rmSync(data, { recursive: true });
    },
  };
}

/** Run `work` this many times concurrently. */
export const concurrently = <Value>(count: number, work: (i: number) => Promise<Value>) =>
  Promise.all(Array.from({ length: count }, (_, i) => work(i)));
/** Send a film with this many bytes behind its pixels by STOW-RS. */
export async function stow(url: string, megabytes: number): Promise<Answer> {
  const head = Buffer.concat([Buffer.from('--B\r\nContent-Type: application/dicom\r\n\r\n'), await film('memory')]);
  const headers = { 'content-type': 'multipart/related; type="application/dicom"; boundary=B' };
  return send(`${url}/dicom-web/studies`, 'POST', headers, head, megabytes, '\r\n--B--\r\n');
}

/** Submit jobs on one upload, each with another request. Resolves when all have ended. */
export async function jobs(url: string, count: number, megabytes: number): Promise<Answer[]> {
  const { id, url: place, headers } = await (await fetch(`${url}/v1/uploads`, { method: 'POST' })).json();
  // The first bytes are those of a PNG file: other uploads are refused before they become jobs.
  const head = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const length = { 'content-length': head.length + megabytes * megabyte.length };
  await send(new URL(place, `${url}/v1/uploads`).href, 'PUT', { ...headers, ...length }, head, megabytes);
  const answers = await concurrently(count, (i) => {
    const body = Buffer.from(JSON.stringify({ upload: id, mediaType: 'image/png', minAuroc: `0.1${i}` }));
    return send(`${url}/v1/jobs`, 'POST', { 'content-type': 'application/json' }, body, 0);
  });
  for (const { body } of answers.filter(({ status }) => status === 202)) {
    const path = `${url}/v1/jobs/${JSON.parse(body).id}`;
    while (['queued', 'running'].includes((await (await fetch(path)).json()).state)) await delay(100);
  }
  return answers;
}

/** Send a body that is not a film, in a form or raw. */
export const form = (url: string, megabytes: number) => {
  const head =
    '--B\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n';
  const tail = '\r\n--B--\r\n';
  const length = head.length + megabytes * megabyte.length + tail.length;
  const headers = { 'content-type': 'multipart/form-data; boundary=B', 'content-length': length };
  return send(`${url}/v1/readings`, 'POST', headers, Buffer.from(head), megabytes, tail);
};
export const read = (url: string, megabytes: number, chunked = false) => {
  const length = chunked ? {} : { 'content-length': megabytes * megabyte.length };
  const headers = { 'content-type': 'image/png', ...length };
  return send(`${url}/v1/readings`, 'POST', headers, new Uint8Array(), megabytes);
};
