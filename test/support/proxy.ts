import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** The fate of a request. */
export type Fate =
  | 'forward'
  /** The request is executed, and its answer is lost. */
  | 'lose answer'
  | 'hang'
  | { readonly status: number; readonly body: string };

export type Seen = { readonly headers: IncomingHttpHeaders; readonly body: string };

/** A proxy between a client and a server that decides about each request. It stops when the test ends. */
export async function openProxy(target: string, decide: (seen: Seen, all: readonly Seen[]) => Fate | Promise<Fate>) {
  const all: Seen[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const seen = { headers: incoming.headers, body: body.toString() };
    all.push(seen);
    const fate = await decide(seen, all);
    if (fate === 'hang') return;
    if (typeof fate === 'object') {
      outgoing.writeHead(fate.status, { 'content-type': 'application/x-amz-json-1.0' }).end(fate.body);
      return;
    }
    const { method, url = '/', headers } = incoming;
    const onward = request(new URL(url, target), { method: method ?? 'POST', headers }, (answer) => {
      if (fate === 'lose answer') {
        answer.resume().once('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    onward.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, all };
}
