import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Hono } from 'hono';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { connectionLimit } from '../../../functions/api/connection/connection-limit.ts';
import { createHttpServer, type HttpServerOptions } from '../../../functions/api/connection/http-server.ts';
import { bodyOf } from '../../../functions/api/http/body.ts';
import { open, pipelined, textOf } from '../../support/attacks.ts';

let server: Server | undefined;
afterEach(() => server?.close().closeAllConnections());

async function listen(options: Partial<HttpServerOptions> = {}): Promise<string> {
  const listening = createHttpServer({ fetch: () => new Response('fine'), ...options });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}
/** Send a text. Returns all that is received until the connection ends. */
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

describe('a malformed request is answered with a problem, and the client can read the answer', () => {
  const head = 'GET / HTTP/1.1\r\nhost: localhost\r\n';
  test.each([
    ['one header that is too long', `${head}cookie: ${'c'.repeat(20_000)}\r\n\r\n`, 431, 'headers_too_large'],
    // The client still sends when the answer arrives.
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
    [
      'a request without a resource',
      'OPTIONS * HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
      400,
      'malformed_http',
    ],
    ['an invalid Host', 'GET / HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n', 400, 'malformed_http'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'malformed_http'],
    ['an unknown expectation', `${head}expect: magic\r\n\r\n`, 400, 'malformed_http'],
  ])('%s', async (_, text, status, code) => {
    const answer = await answerTo(await listen(), text);
    expect(answer.slice(0, 12)).toBe(`HTTP/1.1 ${status}`);
    expect(problemIn(answer)).toMatchObject({ status, code, fix: expect.any(String) });
  });

  test('answers the complete requests in front of malformed bytes first, in their order', async () => {
    const url = await listen({
      fetch: async (request) => {
        await delay(20);
        return new Response(new URL(request.url).pathname);
      },
    });
    const answer = await answerTo(url, `${pipelined('/first', 1)}${pipelined('/second', 1)}GARBAGE\r\n\r\n`);
    const parts = [answer.indexOf('/first'), answer.indexOf('/second'), answer.indexOf('malformed_http')];
    expect(parts).toEqual(parts.toSorted((a, b) => a - b));
    expect(parts).not.toContain(-1);
  });

  test('accepts a request of HTTP/1.0 without Host', async () => {
    const answer = await answerTo(await listen(), 'GET / HTTP/1.0\r\n\r\n');
    expect(answer.slice(0, 12)).toBe('HTTP/1.1 200');
    expect(answer).toMatch(/fine$/);
  });

  test('passes on as many headers as a client may send', async () => {
    const url = await listen({ fetch: (request) => new Response(request.headers.get('x-last')) });
    const headers = Object.fromEntries(Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'a']));
    expect(await (await fetch(url, { headers: { ...headers, 'x-last': 'seen' } })).text()).toBe('seen');
  });
});

describe('a client that does not read its answer', () => {
  const large = Buffer.alloc(50_000_000);
  const stalledMs = 500;

  test('is disconnected', async () => {
    const url = await listen({ fetch: () => new Response(large), stalledMs });
    const socket = open(url).pause();
    socket.write(pipelined('/', 1));
    const connections = () => new Promise<number>((resolve) => server?.getConnections((_, count) => resolve(count)));
    await vi.waitFor(async () => expect(await connections()).toBe(1));
    await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: 60_000 });
    socket.destroy();
  });

  test('stays connected while it reads slowly or waits for its answer', async () => {
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
  test('leave half of the file descriptors for other uses', () => {
    expect(connectionLimit(1024)).toBe(448);
    expect(connectionLimit(64)).toBe(8);
    expect(connectionLimit(Number.POSITIVE_INFINITY)).toBe(4096);
    expect(connectionLimit()).toBeGreaterThanOrEqual(8);
  });

  test('beyond the limit replace idle connections, and are refused when none is idle', async () => {
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

  test.each([
    ['nothing', ''],
    ['half of a header', 'GET / HTTP/1.1\r\nhost: '],
  ])('that send %s do not block other clients', async (_, text) => {
    const url = await listen({ maxConnections: 4 });
    const silent = Array.from({ length: 12 }, () => open(url));
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.write(text, resolve))));
    for (let i = 0; i < 5; i++)
      expect(await (await fetch(url, { headers: { connection: 'close' } })).text()).toBe('fine');
    for (const socket of silent) socket.destroy();
  });

  test('that wait for their answers are not closed for new connections', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const work = vi.fn(() => promise.then(() => new Response('fine')));
    const url = await listen({ maxConnections: 2, fetch: work });
    const working = Array.from({ length: 2 }, () => open(url));
    const answers = working.map(textOf);
    for (const socket of working) socket.write(pipelined('/', 1));
    await vi.waitFor(() => expect(work).toHaveBeenCalledTimes(2));
    await expect(fetch(url)).rejects.toThrow();
    resolve();
    await vi.waitFor(() => expect(answers.map((text) => text().includes('fine'))).toEqual([true, true]));
    for (const socket of working) socket.destroy();
  });
});

describe('a body', () => {
  test('in chunks of one byte is joined', async () => {
    const url = await listen({
      async fetch(request) {
        let pieces = 0;
        let text = '';
        for await (const piece of request.body ?? []) {
          pieces++;
          text += Buffer.from(piece).toString('latin1');
        }
        return Response.json({ pieces, text });
      },
    });
    const sent = Array.from({ length: 20_000 }, (_, i) => String.fromCharCode(97 + (i % 26))).join('');
    const chunks = [...sent].map((letter) => `1\r\n${letter}\r\n`).join('');
    const head = 'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n';
    const answer = await answerTo(url, `${head}${chunks}0\r\n\r\n`);
    const { pieces, text } = problemIn(answer);
    expect(text).toBe(sent);
    expect(pieces).toBeLessThan(1000);
  });

  test('in short pieces is joined before it is kept', async () => {
    const app = new Hono().post('/', async (c) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of bodyOf(c)) pieces.push(piece);
      return c.json({ lengths: pieces.map(({ length }) => length), sum: Buffer.concat(pieces).toString('latin1') });
    });
    const short = Array.from({ length: 40_000 }, (_, i) => Buffer.of(65 + (i % 26)));
    const all = [...short, Buffer.alloc(5000, 'z'), ...short.slice(0, 3)];
    const init = { method: 'POST', body: Readable.toWeb(Readable.from(all)), duplex: 'half' } as unknown as RequestInit;
    const { lengths, sum } = await (await app.request('/', init)).json();
    expect(sum).toBe(Buffer.concat(all).toString('latin1'));
    expect(lengths).toEqual([16_384, 16_384, 40_000 - 2 * 16_384, 5000, 3]);
  });

  test('that continues after its answer: the connection is closed', async () => {
    const url = await listen();
    const socket = open(url);
    const answer = textOf(socket);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n');
    const drip = setInterval(() => socket.writable && socket.write('a'), 200);
    await closed;
    clearInterval(drip);
    expect(answer()).toContain('fine');
  });

  test('that is complete before its answer leaves the connection open', async () => {
    const url = await listen();
    const socket = open(url);
    const answer = textOf(socket);
    const request = 'GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n';
    socket.write(request);
    await vi.waitFor(() => expect(answer()).toContain('fine'));
    socket.write('a');
    await delay(6000);
    socket.write(`${request}a`);
    await vi.waitFor(() => expect(answer().split('fine').length).toBe(3));
    socket.destroy();
  });

  test.each([
    ['is read to its beginning', 1],
    ['is not read', 0],
  ])('that %s leaves the connection open, also when it arrives slowly', async (_, pieces) => {
    const url = await listen({
      async fetch(request) {
        const reader = request.body?.getReader();
        for (let i = 0; i < pieces; i++) await reader?.read();
        await reader?.cancel();
        return new Response('fine');
      },
    });
    const socket = open(url);
    const answer = textOf(socket);
    const piece = 'a'.repeat(200_000);
    const request = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${5 * piece.length}\r\n\r\n`;
    for (let round = 1; round <= 2; round++) {
      socket.write(request);
      for (let i = 0; i < 5; i++) {
        socket.write(piece);
        await delay(200);
      }
      await vi.waitFor(() => expect(answer().split('fine').length).toBe(round + 1), { timeout: 60_000 });
    }
    socket.destroy();
  });
});
