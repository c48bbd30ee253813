import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createHttpServer } from '../../functions/api/connection/http-server.ts';
import { film, openService, type Service } from '../support/service.ts';

let service: Service;
let server: Server;
let url: string;
const keys = { attacker: '', clinic: '' };
beforeAll(async () => {
  const environment = { ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_BUFFER_MB: '64', ALARA_AUTH: 'required' };
  service = await openService(environment);
  for (const tenant of ['attacker', 'clinic'] as const) {
    keys[tenant] = (await service.platform.access.createKey(tenant, ['readings', 'jobs', 'pacs'])).key;
  }
  const listening = createHttpServer({ fetch: service.fetch });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server?.close().closeAllConnections();
  await service?.close();
});

/** Requests that declare a body of this size and have sent `bytes` of it. The connections stay open until the test ends. */
async function promise(count: number, head: string, bytes: number, promised = 32_000_000): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    socket.write(
      `${head} HTTP/1.1\r\nhost: localhost\r\nx-api-key: ${keys.attacker}\r\ncontent-length: ${promised}\r\n`,
    );
    socket.write('content-type: multipart/related; type="application/dicom"; boundary=b\r\n\r\n');
    socket.write(Buffer.alloc(bytes, '--b\r\n\r\n'));
    return socket.resume();
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
  });
  await delay(300);
  return sockets;
}
/** Send bodies without an end, each smaller than a film, until no memory is left for a film of the attacker. */
async function fill(): Promise<Socket[]> {
  const sockets = await promise(200, 'POST /v1/readings', 390_000, 400_000);
  await vi.waitFor(
    async () => {
      sockets.push(...(await promise(5, 'POST /v1/readings', 390_000, 400_000)));
      expect((await read(keys.attacker)).status).toBe(503);
    },
    { timeout: 60_000 },
  );
  return sockets;
}
let sent = 0;
const read = (key: string) =>
  fetch(`${url}/v1/readings`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', 'x-api-key': key },
    body: Buffer.concat([film('00000442_000.png'), Buffer.from(String(++sent))]),
  });

const place = async () => {
  const answer = await fetch(`${url}/v1/uploads`, { method: 'POST', headers: { 'x-api-key': keys.attacker } });
  return new URL((await answer.json()).url, `${url}/v1/uploads`).pathname;
};

test.each([
  ['readings', async () => 'POST /v1/readings'],
  ['uploads', async () => `PUT ${await place()}`],
  ['STOW-RS', async () => 'POST /dicom-web/studies'],
])('64 bodies for %s that declare much and send almost nothing do not block other clients', async (_, head) => {
  // Two bodies of 32 MB fill the memory if the declared size is reserved. 64 uploads do the same.
  await promise(64, await head(), 10);
  expect((await read(keys.attacker)).status).toBe(201);
  expect((await read(keys.clinic)).status).toBe(201);
});

test('a tenant that fills the memory with endless bodies blocks only its own requests', async () => {
  await fill();
  expect((await read(keys.clinic)).status).toBe(201);
});

test('reserved memory is free again when its clients have disconnected', async () => {
  const sockets = await fill();
  for (const socket of sockets) socket.destroy();
  await vi.waitFor(async () => expect((await read(keys.attacker)).status).toBe(201), { timeout: 60_000 });
});
