import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ms } from '../../../functions/core/units.ts';
import { film as dicom } from '../../support/pacs/films.ts';
import { film, openService, post, type Service } from '../../support/service.ts';

let service: Service;
beforeAll(async () => {
  service = await openService({ ALARA_MAX_BODY_MB: '4' });
});
afterAll(() => service?.close());

const native = film('00000442_000.png');
const another = (i: number) => new Uint8Array(Buffer.concat([native, Buffer.of(i)]));
type File_ = readonly [name: string, bytes: Uint8Array<ArrayBuffer> | string, type?: string];
async function send(query: string, files: readonly File_[], headers: Record<string, string> = {}) {
  const form = new FormData();
  for (const [name, bytes, type = ''] of files) form.append('image', new File([bytes], name, { type }));
  const encoded = new Response(form);
  const type = { 'content-type': encoded.headers.get('content-type') ?? '' };
  const body = new Uint8Array(await encoded.arrayBuffer());
  return service.app.request(`/v1/batches${query}`, { method: 'POST', headers: { ...headers, ...type }, body });
}

test('reads each film as POST /v1/readings does, with one outcome per film in the order of the parts', async () => {
  const instance = new Uint8Array(await dicom('by batch'));
  const known = await (await post(service.app, '?findings=Mass', another(1))).json();
  const answer = await send('?findings=mass', [
    ['a.png', another(1), 'image/png'],
    ['b.dcm', instance],
    ['c.txt', 'no film', 'text/plain'],
    ['d.png', native.slice(0, 100_000), 'image/png'],
    ['e.png', another(2), 'image/png'],
    ['f.png', '', 'image/png'],
  ]);
  expect(answer.status).toBe(200);
  const { outcomes } = await answer.json();
  expect(outcomes).toMatchObject([
    { filename: 'a.png', status: 200, reading: known },
    { filename: 'b.dcm', status: 201, reading: { dicom: { viewPosition: 'PA' } } },
    { filename: 'c.txt', status: 415, problem: { code: 'unsupported_media_type' } },
    { filename: 'd.png', status: 422, problem: { code: 'corrupt_image', fix: expect.any(String) } },
    { filename: 'e.png', status: 201, reading: { findings: [{ finding: 'Mass' }] } },
    { filename: 'f.png', status: 400, problem: { code: 'empty_body' } },
  ]);
  const direct = await post(service.app, '?findings=Mass', another(2));
  expect([direct.status, await direct.json()]).toEqual([200, outcomes[4].reading]);
});

test('gives each film the reference and the metadata of the request', async () => {
  const query = `?findings=Mass&reference=e1&metadata=${encodeURIComponent('{"ward":"A3"}')}`;
  const { outcomes } = await (
    await send(
      query,
      [11, 12].map((i) => [`${i}.png`, another(i)] as const),
    )
  ).json();
  for (const { status, reading } of outcomes)
    expect([status, reading]).toMatchObject([201, { reference: 'e1', metadata: { ward: 'A3' } }]);
});

test('with view=summary has summaries', async () => {
  const { outcomes } = await (await send('?findings=Mass&view=summary', [['a.png', another(1)]])).json();
  expect(outcomes[0].reading).toMatchObject({ findings: [{ finding: 'Mass', call: expect.any(String) }] });
  expect(outcomes[0].reading).not.toHaveProperty('plan');
});

test('with Prefer: respond-async makes a job per film that was not read before', async () => {
  const files: File_[] = [1, 3, 4].map((i) => [`${i}.png`, another(i)]);
  const { outcomes } = await (
    await send('?findings=Mass', [...files, ['x', 'text']], { prefer: 'respond-async' })
  ).json();
  expect(outcomes.map(({ status }: { status: number }) => status)).toEqual([200, 202, 202, 415]);
  for (const i of [3, 4]) {
    const { job } = outcomes[files.findIndex(([name]) => name === `${i}.png`)];
    const look = async () => (await service.app.request(`/v1/jobs/${job.id}`)).json();
    await vi.waitFor(async () => expect((await look()).state).toBe('done'));
    expect((await post(service.app, '?findings=Mass', another(i))).status).toBe(200);
  }
});

test('a film that finds no place in the queue has its own outcome, and the others are read', async () => {
  let asked = 0;
  const overload = vi
    .spyOn(service.engine, 'overload')
    .mockImplementation(() => (++asked === 3 ? { code: 'queue_full', retryAfterMs: ms(1000) } : undefined));
  try {
    const { outcomes } = await (
      await send('?findings=Mass', [
        ['a', another(5)],
        ['b', another(6)],
        ['c', another(7)],
      ])
    ).json();
    expect(outcomes.map(({ status }: { status: number }) => status)).toEqual([201, 503, 201]);
    expect(outcomes[1].problem).toMatchObject({ code: 'queue_full', retryAfterMs: 1000 });
  } finally {
    overload.mockRestore();
  }
});

test('a fault of the request refuses the whole batch before a film is read', async () => {
  const read = vi.spyOn(service.engine, 'read');
  const one: File_[] = [['a.png', another(8)]];
  const code = async (answer: Promise<Response> | Response) => {
    const { status, code } = await (await answer).json();
    return `${status} ${code}`;
  };
  const raw = (type: string, body: string) =>
    service.app.request('/v1/batches', { method: 'POST', headers: { 'content-type': type }, body });
  expect(await code(send('?findings=Gout', one))).toBe('400 unknown_finding');
  expect(await code(send('?minAuroc=0.9999', one))).toBe('422 unreachable_target');
  expect(await code(send('?metadata=a', one))).toBe('400 invalid_parameter');
  expect((await (await send('', [])).json()).fix).toBe(
    'Send multipart/form-data with one file part named image per film, 16 at most.',
  );
  expect(await code(send('', []))).toBe('400 malformed_multipart');
  expect(
    await code(
      send(
        '',
        Array.from({ length: 17 }, (_, i): File_ => [`${i}`, 'x']),
      ),
    ),
  ).toBe('400 malformed_multipart');
  expect(await code(raw('image/png', 'x'))).toBe('415 unsupported_media_type');
  expect(await code(raw('multipart/form-data; boundary=B', 'x'))).toBe('400 malformed_multipart');
  expect(await code(send('', [['large', new Uint8Array(4_500_000)]]))).toBe('413 body_too_large');
  expect(read).not.toHaveBeenCalled();
  read.mockRestore();
});
