import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A received webhook. */
export type Hook = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly path: string };

export type Receiver = {
  /** The host with its port, as in the list of a tenant. */
  readonly host: string;
  readonly hooks: Hook[];
  close(): Promise<void>;
};

/** A real HTTP server that receives webhooks. `answer` returns the nth answer; without a status it does not answer. */
export async function openReceiver(
  answer: (n: number) => { status: number; headers?: Record<string, string> } | undefined = () => ({ status: 204 }),
): Promise<Receiver> {
  const hooks: Hook[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    hooks.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url ?? '' });
    const given = answer(hooks.length);
    if (given) response.writeHead(given.status, given.headers).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    hooks,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
