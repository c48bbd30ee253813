import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createHttpServer } from '../../functions/api/connection/http-server.ts';
import { type Service as Assembled, assemble } from '../../functions/api/service.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { film as dicom } from '../support/pacs/films.ts';
import { film } from '../support/service.ts';

const data = mkdtempSync(join(tmpdir(), 'alara-gone-'));
let service: Assembled;
let server: Server;
const lines: { level: number; status?: number; route?: string; error?: unknown }[] = [];
beforeAll(async () => {
  const config = readConfig({ ALARA_ROLE: 'api', ALARA_WORKERS: '1', ALARA_DATA: data });
  const log = pino({ base: null }, { write: (line: string) => lines.push(JSON.parse(line)) });
  service = await assemble(config, log);
  await service.engine.ready;
  const listening = createHttpServer({ fetch: service.fetch });
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server?.close().closeAllConnections();
  await service?.drain();
  await service?.platform.close();
  rmSync(data, { recursive: true });
});

const part = Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n');
const form = Buffer.from('--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n');
const png = film('00000442_000.png');
const place = async () => {
  const { url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
  return new URL(url, 'http://localhost/v1/uploads').pathname;
};

test.each([
  ['a film', 'POST /v1/readings', 'image/png', async () => png],
  ['a form', 'POST /v1/readings', 'multipart/form-data; boundary=b', async () => Buffer.concat([form, png])],
  ['a film in gzip', 'POST /v1/readings', 'image/png\r\ncontent-encoding: gzip', async () => Buffer.from([31, 139, 8])],
  ['an upload', 'PUT', 'application/octet-stream', async () => png],
  [
    'STOW-RS',
    'POST /dicom-web/studies',
    'multipart/related; type="application/dicom"; boundary=b',
    async () => Buffer.concat([part, await dicom('gone')]),
  ],
  ['a job', 'POST /v1/jobs', 'application/json', async () => Buffer.from('{"upload": "up_')],
])(
  'a client that disconnects while it sends %s is not logged as a failure of the service',
  async (_, line, type, bytes) => {
    for (const declared of [true, false])
      for (const sent of [0, 20, Number.POSITIVE_INFINITY]) {
        lines.length = 0;
        const body = (await bytes()).subarray(0, sent);
        const length = declared ? `content-length: ${body.length + 1000}` : 'transfer-encoding: chunked';
        const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
        socket.write(
          `${line === 'PUT' ? `PUT ${await place()}` : line} HTTP/1.1\r\nhost: localhost\r\n${length}\r\ncontent-type: ${type}\r\n\r\n`,
        );
        socket.write(declared ? body : Buffer.concat([Buffer.from(`${(body.length + 1000).toString(16)}\r\n`), body]));
        await delay(100);
        socket.resetAndDestroy();
        await vi.waitFor(
          () => expect(lines.some(({ route, status }) => route !== '/v1/uploads' && status)).toBe(true),
          {
            timeout: 60_000,
          },
        );
        const answered = lines.find(({ route, status }) => route !== '/v1/uploads' && status);
        expect(answered?.status).toBe(499);
        expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
      }
  },
);
