import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openService, type Service } from '../../support/service.ts';

type TestFilm = {
  readonly name: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly expected: {
    readonly status: number;
    readonly code?: string;
    readonly reading?: {
      readonly id: string;
      readonly findings: readonly string[];
      readonly bits: number;
      readonly warnings: readonly string[];
    };
  };
};

let service: Service;
let films: readonly TestFilm[];
beforeAll(async () => {
  service = await openService();
  ({ films } = await (await service.app.request('/v1/test-films')).json());
});
afterAll(() => service?.close());

const bytesOf = async (name: string, headers: Record<string, string> = {}) =>
  new Uint8Array(await (await service.app.request(`/v1/test-films/${name}`, { headers })).arrayBuffer());
const read = async ({ name, mediaType }: TestFilm, headers: Record<string, string> = {}) => {
  const body = await bytesOf(name, headers);
  return service.app.request('/v1/readings', {
    method: 'POST',
    headers: { ...headers, 'content-type': mediaType },
    body,
  });
};

test('the answer to each film is as the list says', async () => {
  for (const film of films) {
    const { status, code, reading } = film.expected;
    const answer = await read(film);
    const json = await answer.json();
    expect([answer.status, json.code], film.name).toEqual([status, code]);
    if (!reading) continue;
    expect(json).toMatchObject({ id: reading.id, film: { bits: reading.bits } });
    expect(json.findings.map(({ finding }: { finding: string }) => finding)).toEqual(reading.findings);
    expect(json.warnings.map((warning: { code: string }) => warning.code)).toEqual(reading.warnings);
    const again = await read(film);
    expect([again.status, (await again.json()).id]).toEqual([200, reading.id]);
  }
});

test('the list has films that are read and films that are refused, with 8 and 16 bits and as DICOM', () => {
  const outcomes = films.map(({ expected }) => expected.code ?? expected.reading?.bits);
  expect(outcomes).toEqual(
    expect.arrayContaining([
      8,
      16,
      'not_a_frontal_chest',
      'not_frontal_view',
      'corrupt_image',
      'unsupported_image_format',
    ]),
  );
  expect(films.filter(({ mediaType, expected }) => mediaType === 'application/dicom' && expected.reading)).toHaveLength(
    1,
  );
});

test('the list describes each file of the folder, with its size and digest', async () => {
  const files = readdirSync('functions/api/test-films').filter((name) => name !== 'README.md');
  expect(films.map(({ name }) => name).toSorted()).toEqual(files.toSorted());
  for (const { name, sizeBytes, sha256 } of films) {
    const bytes = await bytesOf(name);
    expect([bytes.length, createHash('sha256').update(bytes).digest('hex')], name).toEqual([sizeBytes, sha256]);
  }
});

test('the film that is read as DICOM has a Structured Report', async () => {
  const film = films.find(({ name }) => name === 'chest-16-bit.dcm');
  if (!film) throw new Error('no film');
  const { id } = await (await read(film)).json();
  expect((await service.app.request(`/v1/readings/${id}/sr`)).status).toBe(200);
});

test('the ids are those of the tenant of the key', async () => {
  const { key } = await service.platform.access.createKey('north', ['readings']);
  const headers = { authorization: `Bearer ${key}` };
  const own = await (await service.app.request('/v1/test-films', { headers })).json();
  const ids = (list: readonly TestFilm[]) => list.flatMap(({ expected }) => expected.reading?.id ?? []);
  expect(ids(own.films)).toHaveLength(3);
  expect(ids(own.films).filter((id) => ids(films).includes(id))).toEqual([]);
  const { id } = await (await read(own.films[0], headers)).json();
  expect(id).toBe(own.films[0].expected.reading.id);
});
