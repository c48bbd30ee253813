import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { alara } from '../support/cli.ts';
import { encode, explicitLittle, without } from '../support/dicom/element.ts';
import { chestDataset, text } from '../support/dicom/instance.ts';
import { part10, wrap } from '../support/dicom/part10.ts';
import { tags } from '../support/dicom/tags.ts';
import { film as makeDicom } from '../support/pacs/films.ts';
import { film, openService, resolved, type Service } from '../support/service.ts';

// The same bytes get the same result on every way into the service.

type Bytes = Uint8Array<ArrayBuffer>;
const png = film('00000442_000.png');
const ascii = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const padded = (start: string, at = 0) => {
  const bytes = new Uint8Array(1000).fill(0x20);
  bytes.set(ascii(start), at);
  return bytes;
};
const small = {
  columns: 160,
  rows: 160,
  bits: 12,
  signed: false,
  values: new Int32Array(25_600).map((_, i) => i % 4096),
};
const dataset = chestDataset(small);
const directory = wrap(
  [text(tags.SOPClassUID, 'UI', '1.2.840.10008.1.3.10'), text(tags.SOPInstanceUID, 'UI', '2.25.7')],
  encode([text(0x0004_1130, 'CS', 'DISK')], explicitLittle),
);
const palette = part10([
  text(tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.39.1'),
  text(tags.SOPInstanceUID, 'UI', '2.25.8'),
  text(0x0008_0060, 'CS', 'OT'),
]);

const cases: readonly (readonly [name: string, code: string, bytes: () => Bytes | Promise<Bytes>])[] = [
  ['a PNG film', 'read', () => png],
  ['a JPEG film', 'read', async () => new Uint8Array(await sharp(png).jpeg().toBuffer())],
  ['a DICOM film', 'read', async () => new Uint8Array(await makeDicom('verdict'))],
  [
    'a DICOM film without a preamble, but with its prefix',
    'read',
    async () => new Uint8Array((await makeDicom('prefix')).subarray(128)),
  ],
  ['a gzipped film', 'packed_file', () => new Uint8Array(gzipSync(png))],
  ['a ZIP file', 'packed_file', () => padded('PK\x03\x04')],
  ['a tar file', 'packed_file', () => padded('ustar', 257)],
  ['a PDF', 'unsupported_image_format', () => padded('%PDF-1.7')],
  ['a TIFF', 'unsupported_image_format', () => padded('II*\0')],
  ['a GIF', 'unsupported_image_format', async () => new Uint8Array(await sharp(png).resize(64).gif().toBuffer())],
  ['a WebP', 'unsupported_image_format', async () => new Uint8Array(await sharp(png).resize(64).webp().toBuffer())],
  ['a HEIC', 'unsupported_image_format', () => padded('\0\0\0\x18ftypheic')],
  ['a NIfTI', 'unsupported_image_format', () => padded('n+1\0', 344)],
  ['text', 'not_an_image', () => padded('this is a letter')],
  ['a page', 'not_an_image', () => padded('<!doctype html><title>not found</title>')],
  ['deflated bytes', 'not_an_image', () => new Uint8Array(deflateRawSync(png.subarray(0, 4000)))],
  ['half of a PNG', 'corrupt_image', () => png.slice(0, png.length / 2)],
  ['a truncated DICOM film', 'corrupt_image', () => new Uint8Array(part10(dataset).subarray(0, -1000))],
  ['a DICOMDIR', 'unsupported_sop_class', () => new Uint8Array(directory)],
  ['a colour palette', 'unsupported_sop_class', () => new Uint8Array(palette)],
  [
    'a DICOM film without a study',
    'unusable_header',
    () => new Uint8Array(part10(without(dataset, tags.StudyInstanceUID))),
  ],
];

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service?.close());

const ask = (path: string, init: RequestInit) => service.app.request(path, { method: 'POST', ...init });
const verdict = async (answer: Response) => (answer.ok ? 'read' : (await answer.json()).code);

async function inForm(bytes: Bytes, type: string): Promise<string> {
  const body = new FormData();
  body.append('image', new Blob([bytes], { type }), 'film');
  return verdict(await ask('/v1/readings?findings=Mass', { body }));
}

/** Each way into the service: send a film and return the code of the answer. */
const ways: Readonly<Record<string, (bytes: Bytes) => Promise<string>>> = {
  'raw without a type': async (body) => verdict(await ask('/v1/readings?findings=Mass', { body })),
  'raw as PNG': async (body) =>
    verdict(await ask('/v1/readings?findings=Mass', { body, headers: { 'content-type': 'image/png' } })),
  'raw as DICOM': async (body) =>
    verdict(await ask('/v1/readings?findings=Mass', { body, headers: { 'content-type': 'application/dicom' } })),
  'raw as JPEG, by its common wrong name': async (body) =>
    verdict(await ask('/v1/readings?findings=Mass', { body, headers: { 'content-type': 'image/jpg' } })),
  'part of a form': (bytes) => inForm(bytes, 'application/octet-stream'),
  'part of a form, as PNG': (bytes) => inForm(bytes, 'image/png'),
  async 'upload and job'(bytes) {
    const begun = await (await ask('/v1/uploads', {})).json();
    const sent = { method: begun.method, headers: begun.headers, body: bytes };
    expect((await ask(resolved(begun.url, '/v1/uploads'), sent)).status).toBe(204);
    const body = JSON.stringify({ upload: begun.id, findings: 'Mass' });
    const submitted = await ask('/v1/jobs', { body, headers: { 'content-type': 'application/json' } });
    if (!submitted.ok) return verdict(submitted);
    const { id } = await submitted.json();
    const look = async () => (await service.app.request(`/v1/jobs/${id}`)).json();
    const ended = await vi.waitUntil(async () => ((await look()).state.match(/done|failed/) ? look() : undefined), {
      timeout: 60_000,
    });
    const [outcome] = ended.outcomes;
    return outcome?.reading ? 'read' : (outcome?.refused ?? ended.problem).code;
  },
};

describe.each(cases)('%s', (_, code, make) => {
  test.each(Object.keys(ways))(`gets ${code} as %s`, async (way) => {
    expect(await ways[way]?.(await make())).toBe(code);
  });
});

/**
 * STOW-RS has reasons instead of codes, and accepts only DICOM (PS3.18, table I.2-2). Images are "cannot understand". Sound instances of
 * other SOP classes are acknowledged with a warning and discarded.
 */
function reasonFor(name: string, code: string): string {
  if (code === 'unsupported_sop_class') return 'discarded';
  return code === 'read' && name.includes('DICOM') ? 'taken' : 'failed, 49152';
}

test.each(cases)('STOW-RS stores %s, or fails it with the reason of its code', async (name, code, make) => {
  const body = new Uint8Array(
    Buffer.concat([
      Buffer.from('--film\r\nContent-Type: application/dicom\r\n\r\n'),
      await make(),
      Buffer.from('\r\n--film--\r\n'),
    ]),
  );
  const headers = { 'content-type': 'multipart/related; type="application/dicom"; boundary=film' };
  const answer = await (await ask('/dicom-web/studies', { body, headers })).json();
  const taken = answer['00081199']?.Value?.[0];
  const failed = (answer['00081198'] ?? answer['0008119A'])?.Value?.[0];
  const said = taken
    ? taken['00081196']
      ? 'discarded'
      : 'taken'
    : `failed, ${failed?.['00081197']?.Value?.[0] ?? JSON.stringify(answer)}`;
  expect(said).toBe(reasonFor(name, code));
});

test('the command line gives the same code for each file as the service', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'alara-verdict-'));
  try {
    const paths = await Promise.all(
      cases.map(async ([, , make], i) => {
        const path = join(folder, `${String(i).padStart(2, '0')}.png`);
        writeFileSync(path, await make());
        return path;
      }),
    );
    const { stdout } = await alara(['read', ...paths, '--findings', 'Mass', '--ndjson']);
    const said = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const verdicts = said.map(({ reading, problem }) => (reading ? 'read' : problem.code));
    expect(Object.fromEntries(cases.map(([name], i) => [name, verdicts[i]]))).toEqual(
      Object.fromEntries(cases.map(([name, code]) => [name, code])),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
