/**
 * Runs inside a private network, which exists as long as this process. It sends requests for the test outside, and it is
 * a proxy between the service and Orthanc that can stop a chosen request.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { FromInside, ToInside, Trap } from './inside-messages.ts';

execFileSync('ip', ['link', 'set', 'lo', 'up']);

const orthancPort = 8042;
const proxyPort = 9042;
const tell = (message: FromInside) => process.send?.(message);

let trap: Trap | undefined;
/** The number of requests that still pass the trap. */
let passing = 0;
/** Stopped requests, and the function that releases each. */
const stopped: { readonly trap: Trap; readonly response: ServerResponse; readonly resume: () => void }[] = [];

/** The requests of the service to Orthanc. */
const paths: string[] = [];

const springs = (moment: Trap['moment'], { method, url }: IncomingMessage) =>
  trap?.moment === moment && trap.method === method && new RegExp(trap.path).test(url ?? '') && passing-- <= 0;

function spring(response: ServerResponse, resume: () => void): void {
  if (trap) stopped.push({ trap, response, resume });
  trap = undefined;
  tell({ kind: 'sprung' });
}

const proxy = createServer(async (incoming, outgoing) => {
  paths.push(incoming.url ?? '');
  const body = await buffer(incoming);
  if (springs('before', incoming)) return spring(outgoing, () => forward(incoming, outgoing, body));
  forward(incoming, outgoing, body);
});

function forward(incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): void {
  const { method, url, headers } = incoming;
  const onward = request({ host: '127.0.0.1', port: orthancPort, method, path: url, headers }, async (answer) => {
    const answered = await buffer(answer).catch(() => undefined);
    if (!answered) return outgoing.destroy();
    const reply = () => outgoing.writeHead(answer.statusCode ?? 502, answer.headers).end(answered);
    if (springs('after', incoming)) return spring(outgoing, reply);
    reply();
  });
  onward.on('error', () => outgoing.destroy());
  onward.end(body);
}
proxy.listen(proxyPort, '127.0.0.1', () => tell({ kind: 'ready' }));

process.on('message', async (message: ToInside) => {
  if (message.kind === 'trap') {
    for (const { trap: sprung, response, resume } of stopped.splice(0)) sprung.resumes ? resume() : response.destroy();
    trap = message.trap ?? undefined;
    passing = trap?.skip ?? 0;
    return;
  }
  if (message.kind === 'count') {
    const like = paths.filter((path) => new RegExp(message.path).test(path));
    tell({ kind: 'answer', id: message.id, status: 200, body: String(like.length) });
    return;
  }
  const { id, url, init } = message;
  const { bodyFile, saveTo, ...plain } = init;
  try {
    const body = bodyFile === undefined ? plain.body : readFileSync(bodyFile);
    const response = await fetch(url, { ...plain, ...(body && { body }), signal: AbortSignal.timeout(30_000) });
    const answer = Buffer.from(await response.arrayBuffer());
    if (saveTo !== undefined) writeFileSync(saveTo, answer);
    tell({ kind: 'answer', id, status: response.status, body: saveTo === undefined ? answer.toString() : '' });
  } catch {
    tell({ kind: 'answer', id, status: 0, body: '' });
  }
});
process.on('disconnect', () => process.exit(0));
