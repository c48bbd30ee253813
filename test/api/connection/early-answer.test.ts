import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createHttpServer } from '../../../functions/api/connection/http-server.ts';
import { open, textOf } from '../../support/attacks.ts';
import { film, openService, type Service } from '../../support/service.ts';

let service: Service;
let server: ReturnType<typeof createHttpServer>;
let url: string;
beforeAll(async () => {
  service = await openService();
  server = createHttpServer({ fetch: service.fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server?.close().closeAllConnections();
  await service?.close();
});

const letters = Buffer.alloc(2_000_000, 'A');
const part = (name: string) => Buffer.from(`--B\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n`);
const form = 'multipart/form-data; boundary=B';
const stow = 'multipart/related; type="application/dicom"; boundary=B';
const zipped = 'content-encoding: gzip\r\n';

/** The answer arrives before the end of the body: path, type, further headers, body, status. */
const early: [string, string, string, string, Buffer, number][] = [
  ['garbage instead of gzip', '/v1/readings', 'image/png', zipped, letters, 400],
  [
    'bytes behind gzip data',
    '/v1/readings',
    'image/png',
    zipped,
    Buffer.concat([gzipSync(film('00000100_000.png')), letters]),
    400,
  ],
  ['gzip data beyond the limit', '/v1/readings', 'image/png', zipped, gzipSync(Buffer.alloc(300_000_000)), 413],
  [
    'an unknown part in gzip data',
    '/v1/batches',
    form,
    zipped,
    gzipSync(Buffer.concat([part('other'), randomBytes(3_000_000)])),
    400,
  ],
  [
    'STOW-RS without a boundary, in gzip data',
    '/dicom-web/studies',
    stow,
    zipped,
    gzipSync(randomBytes(3_000_000)),
    400,
  ],
  ['STOW-RS without a boundary', '/dicom-web/studies', stow, '', letters, 400],
  ['a form without a boundary', '/v1/readings', form, '', letters, 400],
  ['a form with an unknown part', '/v1/batches', form, '', Buffer.concat([part('other'), letters]), 400],
  ['an unknown path', '/no/such/path', 'image/png', '', letters, 404],
];

describe('an answer before the end of a body', () => {
  test.each(early)('to %s leaves the connection open', async (_, path, type, headers, body, status) => {
    const socket = open(url);
    const answers = textOf(socket);
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\n${headers}content-length: ${body.length}\r\n\r\n`,
    );
    // In pieces, so that most of the body arrives after the answer.
    for (let at = 0; at < body.length; at += 262_144) {
      socket.write(body.subarray(at, at + 262_144));
      await delay(10);
    }
    socket.write('GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const statuses = () => [...answers().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));
    await vi.waitFor(() => expect(statuses()).toEqual([status, 200]), { timeout: 4000 });
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });
});
