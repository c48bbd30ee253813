import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { oneAtATime } from '../../../functions/api/connection/pipelining.ts';
import { open, pipelined, textOf } from '../../support/attacks.ts';

describe('pipelined requests on one connection', () => {
  let server: Server | undefined;
  afterEach(() => server?.close().closeAllConnections());

  /** A server that answers with the path after a pause, and records the number of concurrent requests. */
  async function listen(pauseMs = 0) {
    const seen = { most: 0, started: 0 };
    let underWay = 0;
    const { listener } = oneAtATime(async (incoming, outgoing) => {
      seen.started++;
      seen.most = Math.max(seen.most, ++underWay);
      outgoing.once('close', () => underWay--);
      let body = '';
      for await (const piece of incoming) body += piece;
      await delay(pauseMs);
      outgoing.end(`<${incoming.url}${body}>`);
    });
    const listening = createServer(listener);
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, seen };
  }
  const bodies = (text: string) => [...text.matchAll(/<(.*?)>/g)].map(([, body]) => body);

  test('are all answered in their order, one at a time', async () => {
    const { url, seen } = await listen();
    const socket = open(url);
    const paths = Array.from({ length: 900 }, (_, i) => `/${i}`);
    const text = textOf(socket);
    socket.write(paths.map((path) => pipelined(path, 1)).join(''));
    await vi.waitFor(async () => expect(bodies(text())).toEqual(paths), { timeout: 60_000 });
    expect(seen.most).toBe(1);
  });

  test('are answered with their bodies for every split of the bytes into packets', async () => {
    const { url, seen } = await listen();
    const socket = open(url).setNoDelay();
    const text = textOf(socket);
    const body = 'x'.repeat(100_000);
    const post = (path: string) =>
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const all = pipelined('/a', 3) + post('/b') + post('/c') + pipelined('/d', 2) + post('/e');
    for (let at = 0; at < all.length; at += 7001) {
      socket.write(all.slice(at, at + 7001));
      if (at % 3 === 0) await delay(1);
    }
    const expected = ['/a', '/a', '/a', `/b${body}`, `/c${body}`, '/d', '/d', `/e${body}`];
    await vi.waitFor(() => expect(bodies(text())).toEqual(expected), { timeout: 60_000 });
    expect(seen.most).toBe(1);
  });

  test('leave the socket unread while some of them wait', async () => {
    const { url, seen } = await listen(100);
    const socket = open(url);
    const one = pipelined(`/${'p'.repeat(8000)}`, 1);
    // 80 MB. The kernel and one read of the socket hold a part of it.
    for (let i = 0; i < 10_000; i++) socket.write(one);
    await delay(1000);
    expect(seen.started).toBeLessThan(20);
    expect(socket.bytesWritten - socket.writableLength).toBeLessThan(20_000_000);
    socket.destroy();
  });

  test('above the limit close their connection', async () => {
    const { url, seen } = await listen(1000);
    const socket = open(url);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(pipelined('/', 1400));
    socket.resume();
    await closed;
    expect(seen.started).toBe(1);
  });
});
