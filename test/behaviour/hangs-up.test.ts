import { readdirSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { film as dicom } from '../support/pacs/films.ts';
import { openService, resolved, type Service } from '../support/service.ts';

let service: Service;
let server: ReturnType<typeof createAdaptorServer>;
beforeAll(async () => {
  service = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
  server = createAdaptorServer({ fetch: service.app.fetch });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await service.close();
});

const files = () => readdirSync(join(service.data, 'blobs'));

/** Send the head of a request and a part of its declared body, wait until some bytes have arrived, and disconnect. */
async function hangUp(head: string, body: Uint8Array): Promise<void> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(`${head}\r\nhost: 127.0.0.1\r\ncontent-length: ${body.length + 1000}\r\n\r\n`);
  socket.write(body);
  await vi.waitFor(() => expect(files()).not.toEqual([]), { timeout: 60_000 });
  socket.destroy();
}

test('discards an upload that breaks off', async () => {
  const { id, url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
  await hangUp(`PUT ${resolved(url, '/v1/uploads')} HTTP/1.1`, new Uint8Array(3_000_000));
  await vi.waitFor(() => expect(files()).toEqual([]));
  const answer = await service.app.request('/v1/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ upload: id }),
  });
  expect((await answer.json()).code).toBe('upload_not_found');
});

test('keeps and reads nothing of a store request that breaks off', async () => {
  const part = Buffer.concat([Buffer.from('\r\n--b\r\nContent-Type: application/dicom\r\n\r\n'), await dicom('gone')]);
  const type = 'content-type: multipart/related; type="application/dicom"; boundary=b';
  await hangUp(`POST /dicom-web/studies HTTP/1.1\r\n${type}`, Buffer.concat([part, part, part.subarray(0, 1000)]));
  await vi.waitFor(() => expect(files()).toEqual([]));
  expect(await service.platform.jobs.list({ limit: 10 })).toEqual([]);
});

test('asks the client to repeat a store request when the service is stopping', async () => {
  const stopping = await openService({ ALARA_ROLE: 'api', ALARA_WORKERS: '1' });
  try {
    await stopping.engine.close();
    const body = Buffer.concat([Buffer.from('--b\r\n\r\n'), await dicom('later'), Buffer.from('\r\n--b--')]);
    const headers = { 'content-type': 'multipart/related; type="application/dicom"; boundary=b' };
    const answer = await stopping.app.request('/dicom-web/studies', {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
    });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await answer.json()).code).toBe('shutting_down');
  } finally {
    await stopping.close();
  }
});
