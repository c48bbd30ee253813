import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttpServer } from '../../../functions/api/connection/http-server.ts';
import { lateral, film as makeDicom } from '../../support/pacs/films.ts';
import { film, openService, type Service } from '../../support/service.ts';

const limitMb = 4;
let service: Service;
let dicom: Uint8Array<ArrayBuffer>;
let png: Uint8Array<ArrayBuffer>;
let jpeg: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  service = await openService({ ALARA_MAX_BODY_MB: String(limitMb), ALARA_MAX_UPLOAD_MB: '1' });
  dicom = new Uint8Array(await makeDicom('body'));
  png = new Uint8Array(await sharp(film('00000442_000.png')).resize(512).png().toBuffer());
  jpeg = new Uint8Array(await sharp(png).jpeg({ quality: 95 }).toBuffer());
});
afterAll(() => service?.close());

const bytesOf = (...pieces: (string | Uint8Array)[]) =>
  new Uint8Array(Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))));
let asked = 0;
/** A query that was not used before, so that the film is read and not found in the store. */
const newQuery = () => `?findings=Mass&prevalence=${(0.01 + asked++ / 1e4).toFixed(4)}`;
const send = (query: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer>) =>
  service.app.request(`/v1/readings${query}`, { method: 'POST', headers, body });

/** Expects a reading of the same film as `reference`, which was sent with its own media type. */
async function expectReading(
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
  type: string,
  reference: Uint8Array<ArrayBuffer>,
) {
  const query = newQuery();
  const answer = await send(query, headers, body);
  expect(answer.status, await answer.clone().text()).toBe(201);
  const declared = await send(query, { 'content-type': type }, reference);
  expect([declared.status, (await declared.json()).id]).toEqual([200, (await answer.json()).id]);
}

async function expectProblem(answer: Response | Promise<Response>, status: number, code: string) {
  const response = await answer;
  const problem = await response.json();
  expect([response.status, problem.code], JSON.stringify(problem)).toEqual([status, code]);
  return { response, problem };
}

const films = {
  dicom: ['application/dicom', () => dicom],
  png: ['image/png', () => png],
  jpeg: ['image/jpeg', () => jpeg],
} as const;

describe('a raw body', () => {
  test.each([
    ['dicom', undefined],
    ['png', undefined],
    ['jpeg', undefined],
    ['dicom', 'application/octet-stream'],
    ['png', 'application/octet-stream; charset=binary'],
    ['jpeg', 'binary/octet-stream'],
    ['dicom', 'application/x-www-form-urlencoded'],
    ['jpeg', 'image/jpg'],
    ['jpeg', 'image/pjpeg'],
    ['png', 'IMAGE/X-PNG'],
    ['dicom', 'Application/DICOM; transfer-syntax=1.2.840.10008.1.2.1'],
    ['dicom', 'application/x-dicom'],
  ] as const)('%s as %s is read', async (name, declared) => {
    const [type, bytes] = films[name];
    await expectReading(declared ? { 'content-type': declared } : {}, bytes(), type, bytes());
  });

  test.each([undefined, 'application/octet-stream', 'application/x-www-form-urlencoded', 'image/png'])(
    'that is not a film, sent as %s, is answered as not an image',
    async (type) => {
      for (const bytes of [bytesOf('/films/1.dcm'), bytesOf(Buffer.from(png).toString('base64'))]) {
        const sent = send('', type ? { 'content-type': type } : {}, bytes);
        const { problem } = await expectProblem(sent, 415, 'not_an_image');
        expect(problem).toMatchObject({ declared: type ?? '', fix: expect.stringContaining('--data-binary') });
      }
    },
  );

  test.each(['application/pdf', 'text/plain', 'multipart/related; boundary=b', 'application/json'])(
    'that is not a film and is declared as %s is refused, and the answer lists the accepted types',
    async (type) => {
      const sent = send('', { 'content-type': type }, bytesOf('{}'));
      const { problem } = await expectProblem(sent, 415, 'unsupported_media_type');
      expect(problem.fix).toMatch(/image\/png.*application\/dicom.*multipart\/form-data/);
    },
  );

  test.each(['image/jpeg', 'application/pdf', 'text/plain'])(
    'that is a film is read, although it is declared as %s',
    async (type) => {
      await expectReading({ 'content-type': type }, png, 'image/png', png);
    },
  );
});

describe('a form', () => {
  const boundary = 'XbX';
  const form = (headers: string, bytes: Uint8Array, lineEnd = '\r\n') =>
    bytesOf(
      [`--${boundary}`, headers, '', ''].join('\n').replaceAll('\n', lineEnd),
      bytes,
      `${lineEnd}--${boundary}--${lineEnd}`,
    );
  const type = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  const disposition = 'Content-Disposition: form-data; name="image"';

  test.each<[string, keyof typeof films, string]>([
    ['curl -F', 'dicom', `${disposition}; filename="film.dcm"\nContent-Type: application/octet-stream`],
    ['a part without a type', 'dicom', `${disposition}; filename="film.dcm"`],
    ['requests, given bytes', 'png', `${disposition}; filename="image"`],
    ['a field without a file name', 'png', disposition],
    ['an encoded file name', 'png', `${disposition}; filename*=utf-8''R%C3%B6ntgen.png\nContent-Type: image/png`],
    [
      'both file names',
      'jpeg',
      `${disposition}; filename="R_ntgen.jpg"; filename*=UTF-8''R%C3%B6ntgen.jpg\nContent-Type: image/jpg`,
    ],
    ['a file name in UTF-8', 'png', `${disposition}; filename="Röntgen 胸.png"`],
    ['a file name of RFC 2231', 'png', `${disposition}; filename*0*=utf-8''R%C3%B6nt; filename*1="gen.png"`],
    ['another order', 'png', 'Content-Disposition: form-data; filename="a.png"; name="image"'],
    ['no quotes', 'png', 'Content-Disposition:form-data;name=image;filename=a.png'],
    ['other cases', 'png', 'content-TYPE: Image/PNG\nCONTENT-disposition: Form-Data; NAME="image"; FileName="a.png"'],
    ['white space', 'png', 'Content-Disposition :  form-data ; name = "image" ;\tfilename = "a.png"'],
    [
      'a folded line',
      'png',
      'Content-Disposition: form-data;\n\tname="image";\n  filename="a.png"\nContent-Type:\n image/png',
    ],
    ['escapes', 'png', 'Content-Disposition: form-data; filename="a \\"b\\"; name=c \\\\"; name="image"'],
    ['percent escapes', 'png', `${disposition}; filename="a %22b%22; name=c"`],
    [
      'additional headers',
      'dicom',
      `X-Other: 1\n${disposition}; filename="a"\nContent-Length: 7\nContent-Transfer-Encoding: binary`,
    ],
  ])('%s is read', async (_, name, headers) => {
    const [declared, bytes] = films[name];
    await expectReading(type, form(headers, bytes()), declared, bytes());
  });

  test('with lines that end in LF only is read', async () => {
    await expectReading(type, form(`${disposition}; filename="a.png"`, png, '\n'), 'image/png', png);
  });

  test('without a boundary, or with too many parts, is refused by name', async () => {
    const body = form(disposition, png);
    const { problem } = await expectProblem(
      send('', { 'content-type': 'multipart/form-data' }, body),
      400,
      'malformed_multipart',
    );
    expect(problem.problem).toContain('boundary');
    const part = `--${boundary}\r\n${disposition}\r\n\r\n\r\n`;
    const many = await expectProblem(
      send('', type, bytesOf(part.repeat(1000), `--${boundary}--`)),
      400,
      'malformed_multipart',
    );
    expect(many.problem.problem).toContain('more than 16 parts');
  });

  test('with a text part is answered as not an image, and a part of another type is refused', async () => {
    await expectProblem(send('', type, form(disposition, bytesOf('/films/1.png'))), 415, 'not_an_image');
    const pdf = form(`${disposition}; filename="a.pdf"\nContent-Type: application/pdf`, bytesOf('%PDF'));
    await expectProblem(send('', type, pdf), 415, 'unsupported_media_type');
  });
});

describe('Content-Encoding', () => {
  const compressed = { gzip: gzipSync, 'x-gzip': gzipSync, deflate: deflateSync, 'identity, GZIP': gzipSync };

  test.each(Object.entries(compressed))('%s is decoded', async (coding, compress) => {
    const body = new Uint8Array(compress(dicom));
    await expectReading(
      { 'content-type': 'application/dicom', 'content-encoding': coding },
      body,
      'application/dicom',
      dicom,
    );
    await expectReading(
      { 'content-encoding': coding, 'content-length': String(body.length) },
      body,
      'application/dicom',
      dicom,
    );
  });

  test('of several members, as pigz and bgzip write it, is decoded to the end', async () => {
    const body = bytesOf(gzipSync(dicom.subarray(0, 5000)), gzipSync(dicom.subarray(5000)));
    await expectReading({ 'content-encoding': 'gzip' }, body, 'application/dicom', dicom);
  });

  test('identity means no coding', async () => {
    await expectReading({ 'content-type': 'image/png', 'content-encoding': 'identity' }, png, 'image/png', png);
  });

  test.each([
    ['br', () => brotliCompressSync(dicom)],
    ['zstd', () => dicom],
    ['gzip, gzip', () => gzipSync(gzipSync(dicom))],
    ['constructor', () => dicom],
  ])('%s is refused, and the answer lists the accepted codings', async (coding, body) => {
    const sent = send('', { 'content-type': 'application/dicom', 'content-encoding': coding }, new Uint8Array(body()));
    const { response, problem } = await expectProblem(sent, 415, 'unsupported_content_encoding');
    expect(response.headers.get('accept-encoding')).toBe('gzip, x-gzip, deflate, identity');
    expect(problem.fix).toContain('Content-Encoding');
  });

  test.each([
    ['bytes that are not compressed', () => dicom],
    ['a truncated body', () => gzipSync(dicom).subarray(0, 5000)],
    ['an empty body', () => new Uint8Array()],
  ])('is refused by name for %s', async (_, body) => {
    await expectProblem(
      send('', { 'content-encoding': 'gzip' }, new Uint8Array(body())),
      400,
      'malformed_content_encoding',
    );
  });

  test('cannot exceed the limit of a body, with any framing', async () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(300_000_000), { level: 9 }));
    expect(bomb.length).toBeLessThan(limitMb * 1e6);
    const memory = process.memoryUsage().arrayBuffers;
    await expectProblem(send('', { 'content-encoding': 'gzip' }, bomb), 413, 'body_too_large');
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(100_000_000);
    const form = { 'content-type': 'multipart/form-data; boundary=b', 'content-encoding': 'gzip' };
    const head = bytesOf('--b\r\nContent-Disposition: form-data; name="image"\r\n\r\n');
    await expectProblem(send('', form, bytesOf(gzipSync(head), bomb)), 413, 'body_too_large');
    const { url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
    const put = { method: 'PUT', headers: { 'content-encoding': 'gzip' }, body: bomb };
    await expectProblem(service.app.request(`/v1/${url}`, put), 413, 'body_too_large');
    // A STOW-RS request has no limit as a whole. This one has a part without an end.
    const stow = {
      'content-type': 'multipart/related; type="application/dicom"; boundary=b',
      'content-encoding': 'gzip',
    };
    const body = bytesOf(gzipSync(bytesOf('--b\r\nContent-Type: application/dicom\r\n\r\n')), bomb);
    const stored = service.app.request('/dicom-web/studies', { method: 'POST', headers: stow, body });
    await expectProblem(stored, 413, 'body_too_large');
  });

  test('of an upload is decoded, and the job reads the film', async () => {
    const { id, url } = await (await service.app.request('/v1/uploads', { method: 'POST' })).json();
    const put = (body: Uint8Array<ArrayBuffer>) =>
      service.app.request(`/v1/${url}`, { method: 'PUT', headers: { 'content-encoding': 'gzip' }, body });
    await expectProblem(put(new Uint8Array(gzipSync(dicom).subarray(0, 500))), 400, 'malformed_content_encoding');
    expect((await put(new Uint8Array(gzipSync(dicom)))).status).toBe(204);
    const kept = await service.platform.blobs.get(JSON.stringify(['upload', 'local', id]));
    expect(Buffer.from(kept ?? []).equals(dicom)).toBe(true);
  });

  test('of JSON is refused by name', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const body = new Uint8Array(gzipSync('{"upload":"up_1"}'));
    const sent = service.app.request('/v1/jobs', { method: 'POST', headers, body });
    const { response } = await expectProblem(sent, 415, 'unsupported_content_encoding');
    expect(response.headers.get('accept-encoding')).toBe('identity');
  });

  test.each(['GET', 'HEAD', 'TRACE'])('of a %s request, which has no body, is ignored', async (method) => {
    const listening = createHttpServer({ fetch: service.fetch });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const { port } = listening.address() as AddressInfo;
    const options = { port, host: '127.0.0.1', method, path: '/health/live', headers: { 'content-encoding': 'gzip' } };
    const status = await new Promise((resolve, reject) =>
      request(options, (answer) => resolve(answer.resume().statusCode))
        .once('error', reject)
        .end(),
    );
    expect(status).toBe(method === 'TRACE' ? 405 : 200);
    listening.close().closeAllConnections();
  });

  test('of a STOW-RS request is decoded within the limit of an instance', async () => {
    const headers = {
      'content-type': 'multipart/related; type="application/dicom"; boundary=b',
      'content-encoding': 'gzip',
    };
    const stow = (...parts: Uint8Array[]) => {
      const plain = [...parts.flatMap((part) => ['\r\n--b\r\n\r\n', part]), '\r\n--b--'];
      const body = new Uint8Array(gzipSync(bytesOf(...plain)));
      return service.app.request('/dicom-web/studies', { method: 'POST', headers, body });
    };
    const along = await makeDicom('body', 2, lateral);
    expect((await stow(dicom)).status).toBe(200);
    expect((await stow(along, bytesOf(await makeDicom('body', 3), new Uint8Array(50_000_000)))).status).toBe(202);
    await expectProblem(
      service.app.request('/dicom-web/studies', { method: 'POST', headers, body: dicom }),
      ...([400, 'malformed_content_encoding'] as const),
    );
  });
});
