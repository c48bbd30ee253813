/** The load generator: a process of its own that sends films over HTTP and reports every answer. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchFilm } from '../films.ts';
import { distinctFilm } from './distinct-film.ts';
import { type Answer, poissonArrivals } from './statistics.ts';

/** How a server takes a film: as the body, as a file of a multipart form, or as base64 in the V2 inference protocol. */
export type Encoding = 'body' | 'multipart' | 'v2';

export type Load = {
  readonly url: string;
  readonly encoding: Encoding;
  readonly film: BenchFilm;
  /** The status of a good answer. */
  readonly status: number;
  readonly seconds: number;
  /** The first number of the films of this load. No two requests to one server have the same number. */
  readonly firstFilm: number;
} & (
  | { readonly kind: 'closed'; readonly clients: number }
  | { readonly kind: 'open'; readonly perSecond: number; readonly seed: number }
);

/** How long answers are awaited after the end of the load. */
const drainMs = 10_000;
const boundary = 'alara-bench';

/** The body and the media type of a request with one film. */
export function encodeFilm(film: Buffer, mediaType: string, encoding: Encoding): { body: Buffer; type: string } {
  if (encoding === 'body') return { body: film, type: mediaType };
  if (encoding === 'v2') {
    const input = { name: 'film', shape: [1], datatype: 'BYTES', data: [film.toString('base64')] };
    return { body: Buffer.from(JSON.stringify({ inputs: [input] })), type: 'application/json' };
  }
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="film"; filename="film"\r\nContent-Type: ${mediaType}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), film, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}

/** Put a load on a server. Answers that do not come within the drain time have failed. */
export async function run(load: Load): Promise<Answer[]> {
  const film = readFileSync(load.film.path);
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const start = performance.now();
  let number = load.firstFilm;
  const post = (plannedMs: number) =>
    new Promise<Answer>((resolve) => {
      const { body, type } = encodeFilm(
        distinctFilm(film, load.film.mediaType, number++),
        load.film.mediaType,
        load.encoding,
      );
      const ended = (ok: boolean) => {
        const endedMs = performance.now() - start;
        resolve({ ok, ms: endedMs - plannedMs, inWindow: endedMs <= load.seconds * 1000 });
      };
      const headers = { 'content-type': type, 'content-length': body.length };
      const signal = AbortSignal.timeout(
        Math.ceil(Math.max(1, load.seconds * 1000 + drainMs - (performance.now() - start))),
      );
      request(load.url, { method: 'POST', agent, headers, signal }, (answer) => {
        answer.resume().once('end', () => ended(answer.statusCode === load.status));
        answer.once('error', () => ended(false));
      })
        .once('error', () => ended(false))
        .end(body);
    });

  const answers: Promise<Answer>[] = [];
  if (load.kind === 'closed') {
    const client = async () => {
      for (let now = 0; now < load.seconds * 1000; now = performance.now() - start) {
        const answer = post(now);
        answers.push(answer);
        // A server that refuses at once is asked again only after a pause, as a client would.
        if (!(await answer).ok) await delay(20);
      }
    };
    await Promise.all(Array.from({ length: load.clients }, client));
  } else
    for (const at of poissonArrivals(load.perSecond, load.seconds, load.seed)) {
      const early = at - (performance.now() - start);
      if (early > 1) await delay(early);
      answers.push(post(at));
    }
  const all = await Promise.all(answers);
  agent.destroy();
  return all;
}

if (import.meta.main) {
  const [, , core] = process.argv;
  if (core) execFileSync('taskset', ['-a', '-p', '-c', core, String(process.pid)], { stdio: 'ignore' });
  process.on('message', async (load: Load) => process.send?.(await run(load)));
  process.send?.('ready');
}
