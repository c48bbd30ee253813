import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { guarded } from '../../functions/api/http/auth.ts';
import { film, openService, post, type Service } from '../support/service.ts';

let base: string;
let models: string;
let service: Service;
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'alara-secret-place-'));
  models = join(base, 'the models');
  cpSync('models', models, { recursive: true });
  service = await openService({
    ...{ ALARA_MODELS: models, ALARA_DATA: join(base, 'the data'), ALARA_WORKERS: '1' },
  });
});
afterAll(async () => {
  await service?.close();
  rmSync(base, { recursive: true, force: true });
});

const openRoutes = [
  'GET /health/live',
  'GET /health/ready',
  'GET /openapi.json',
  'GET /problems/model_corrupt',
  'GET /none',
];
const bodies: readonly [string, string | Uint8Array<ArrayBuffer>][] = [
  ['application/json', '{'],
  ['application/json', JSON.stringify({ upload: 'up_x', findings: 'None', webhook: 'http://169.254.169.254/' })],
  ['image/png', new Uint8Array(100)],
  ['image/png', film('00000442_000.png').slice(0, 30_000)],
  ['application/dicom', new Uint8Array(500)],
  ['multipart/form-data; boundary=x', '--x\r\n\r\n--x--'],
  [
    'multipart/related; type="application/dicom"; boundary=x',
    '--x\r\nContent-Type: application/dicom\r\n\r\nDICM\r\n--x--',
  ],
];

const records: { asked: string; answer: string; status: number }[] = [];
async function ask(asked: string, answer: Response | Promise<Response>): Promise<void> {
  const response = await answer;
  const headers = JSON.stringify([...response.headers]);
  records.push({ asked, status: response.status, answer: `${headers}\n${await response.text()}` });
}

/** Every route, with invalid ids and with bodies that are not films. */
async function askEverything(state: string): Promise<void> {
  const upload = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
  const ids = ['rd_none', '..%2f..%2fetc%2fpasswd', upload.id ?? 'up_none'];
  for (const route of [...openRoutes, ...Object.keys(guarded)])
    for (const id of /:/.test(route) ? ids : ['']) {
      const [method = '', pattern = ''] = route.split(' ');
      const path = pattern.replace(/:\w+/, id);
      const sent = method === 'GET' ? [undefined] : bodies;
      for (const body of sent)
        await ask(
          `${state}: ${method} ${path} ${body?.[0] ?? ''}`,
          service.app.request(path, {
            method,
            ...(body && { headers: { 'content-type': body[0] }, body: body[1] }),
          }),
        );
    }
}

test('no answer contains a path of the data or of the models, in whatever way both are damaged', {
  timeout: 240_000,
}, async () => {
  const { variants, findings } = service.router.family.catalog;
  const family = service.router.family.folder;
  const cold = variants.filter(({ file }) => file.includes('int8'));
  await askEverything('sound');

  // Models that were removed, replaced, extended or turned into folders after the start. Each is loaded with its first film.
  const damages = [
    (path: string) => rmSync(path),
    (path: string) => writeFileSync(path, readFileSync(path).fill(0)),
    (path: string) => truncateSync(path, 50_000_000_000),
    (path: string) => {
      rmSync(path);
      mkdirSync(path);
    },
  ];
  const codes = new Set<string>();
  for (const [i, variant] of cold.entries()) {
    damages[i % damages.length]?.(join(family, variant.file));
    const response = await post(
      service.app,
      `?variant=${variant.id}&findings=${findings[0]}`,
      film('00000442_000.png'),
    );
    const { code } = await response.clone().json();
    codes.add(code);
    await ask(`model ${i}`, response);
  }
  expect(codes).toContain('inference_failed');
  expect(codes).toContain('model_corrupt');

  renameSync(service.data, `${service.data}.gone`);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await askEverything('store gone');
  renameSync(`${service.data}.gone`, service.data);

  const places = [base, models, service.data, resolve('.'), tmpdir()];
  for (const { asked, answer } of records)
    for (const place of places) expect(answer.includes(place), `${asked} tells ${place}: ${answer}`).toBe(false);
  expect(records.some(({ asked, status }) => asked.startsWith('store gone: GET /v1/jobs') && status === 503)).toBe(
    true,
  );
  expect(records.length).toBeGreaterThan(100);
});
