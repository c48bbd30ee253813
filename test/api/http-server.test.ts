import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectionLimit } from '../../functions/api/connection-limit.ts';
import { createHttpServer, type HttpServerOptions } from '../../functions/api/http-server.ts';
import { open, pipelined, textOf } from './attacks.ts';

let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

async function listen(options: Partial<HttpServerOptions> = {}): Promise<string> {
  const listening = createHttpServer({ fetch: () => new Response('fine'), ...options });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}
/** Send a text; everything that is answered until the connection ends. */
async function answerTo(url: string, text: string): Promise<string> {
  const socket = open(url);
  const answer = textOf(socket);
  const ended = new Promise((resolve) => socket.once('end', resolve));
  const broken = new Promise((_, reject) => socket.once('error', reject));
  socket.write(text);
  await Promise.race([ended, broken]);
  socket.destroy();
  return answer();
}
const problemIn = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));

describe('what is no request is answered with a problem, and the client gets to read it', () => {
  const head = 'GET / HTTP/1.1\r\nhost: localhost\r\n';
  test.each([
    ['one header that is too long', `${head}cookie: ${'c'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    // The client still sends when the answer is there.
    ['headers without an end', `${head}${'a: b\r\n'.repeat(1_000_000)}`, 431, 'headers_too_large'],
    ['too many headers', `${head}${'a: b\r\n'.repeat(200)}\r\n`, 431, 'headers_too_large'],
    [
      'too many headers and a body',
      `POST / HTTP/1.1\r\nhost: localhost\r\n${'a: b\r\n'.repeat(200)}content-length: 9000000\r\n\r\n${'b'.repeat(5_000_000)}`,
      431,
      'headers_too_large',
    ],
    ['a path that is too long', `GET /${'p'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, 'headers_too_large'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed_http'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      400,
      'malformed_http',
    ],
  ])('%s', async (_, text, status, code) => {
    const answer = await answerTo(await listen(), text);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(problemIn(answer)).toMatchObject({ status, code, fix: expect.any(String) });
  });

  test('and as many headers as a client sends are all seen', async () => {
    const url = await listen({ fetch: (request) => new Response(request.headers.get('x-last')) });
    const headers = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'a']));
    expect(await (await fetch(url, { headers: { ...headers, 'x-last': 'seen' } })).text()).toBe('seen');
  });
});

describe('a client that does not read its answer', () => {
  const large = Buffer.alloc(50_000_000);
  const stalledMs = 500;

  test('is dropped', async () => {
    const url = await listen({ fetch: () => new Response(large), stalledMs });
    const socket = open(url).pause();
    socket.write(pipelined('/', 1));
    const connections = () => new Promise<number>((resolve) => server?.getConnections((_, count) => resolve(count)));
    await vi.waitFor(async () => expect(await connections()).toBe(1));
    await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 10_000 });
    socket.destroy();
  });

  test('is not dropped while it reads slowly, or while it waits for its answer', async () => {
    const url = await listen({
      async fetch() {
        await delay(3 * stalledMs);
        return new Response(large);
      },
      stalledMs,
    });
    const answer = await fetch(url);
    let bytes = 0;
    for await (const piece of answer.body ?? []) {
      bytes += piece.length;
      if (bytes < 30 * 65_536) await delay(stalledMs / 10);
    }
    expect(bytes).toBe(large.length);
  });
});

describe('connections', () => {
  test('leave half of the file descriptors to everything else', () => {
    expect(connectionLimit(1024)).toBe(448);
    expect(connectionLimit(64)).toBe(8);
    expect(connectionLimit(Number.POSITIVE_INFINITY)).toBe(4096);
    expect(connectionLimit()).toBeGreaterThanOrEqual(8);
  });

  test('beyond the limit are refused, and idle ones make room', async () => {
    const dropped = vi.fn();
    const url = await listen({ maxConnections: 4, dropped });
    const idle = Array.from({ length: 4 }, () => open(url));
    const answers = idle.map(textOf);
    for (const socket of idle) socket.write(pipelined('/', 1));
    await vi.waitFor(() => expect(answers.map((text) => text().includes('fine'))).toEqual([true, true, true, true]));
    await fetch(url).catch(() => undefined);
    await vi.waitFor(async () => expect(await (await fetch(url)).text()).toBe('fine'));
    expect(dropped).toHaveBeenCalledWith(4);
  });
});
