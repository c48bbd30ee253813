import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tags } from '../../../functions/core/dicom-dictionary.ts';
import { createDicomWeb } from '../../../functions/pacs/dicomweb/client.ts';
import { AttributesList, attributesDigest, text } from '../../../functions/pacs/dicomweb/json.ts';
import { folder } from '../../support/cli.ts';
import { json, serve } from '../../support/pacs/fake-pacs.ts';

const open = (baseUrl: string, more: object = {}) =>
  createDicomWeb({ name: 'main', baseUrl, timeoutSeconds: 5, maxFilmMb: 1, ...more });
const place = { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.4', sopInstanceUid: '1.2.3.4.5' };
const match = (uid: string) => ({ '00080018': { vr: 'UI', Value: [uid] } });
const uids = (matches: readonly ReturnType<typeof match>[]) => matches.map((one) => text(one, tags.sopInstanceUid));

describe('QIDO-RS', () => {
  test('requests page by page until the end', async () => {
    const all = Array.from({ length: 450 }, (_, i) => match(`1.${i + 1}`));
    const { url, asked } = await serve(({ query }, response) => {
      const offset = Number(query.get('offset'));
      json(response, all.slice(offset, offset + Number(query.get('limit'))));
    });
    const found = await open(url).search('/studies/1.2.3/instances', { includefield: '00080016,00080060' });
    expect(found.ok && uids(found.value as ReturnType<typeof match>[])).toEqual(uids(all));
    expect(asked).toHaveLength(3);
    expect(asked[0]?.query.getAll('includefield')).toEqual(['00080016', '00080060']);
    expect(asked[0]?.headers.accept).toBe('application/dicom+json');
  });

  test.each([
    ['status 206', 206, {}],
    ['a warning', 200, { warning: '299 pacs: There are 30 additional results that can be requested' }],
  ])(
    'a server with smaller pages announces them by %s, and further pages are requested',
    async (_, status, headers) => {
      const all = Array.from({ length: 80 }, (_, i) => match(`1.${i + 1}`));
      const { url } = await serve(({ query }, response) => {
        const offset = Number(query.get('offset'));
        const isLast = offset + 50 >= all.length;
        response
          .writeHead(isLast ? 200 : status, isLast ? {} : headers)
          .end(JSON.stringify(all.slice(offset, offset + 50)));
      });
      const found = await open(url).search('/studies', {});
      expect(found.ok && found.value.length).toBe(80);
    },
  );

  test('a server that sends all matches at once is asked once', async () => {
    const all = Array.from({ length: 300 }, (_, i) => match(`1.${i + 1}`));
    const { url, asked } = await serve((_, response) => json(response, all));
    const found = await open(url).search('/studies', {});
    expect(found.ok && found.value.length).toBe(300);
    expect(asked).toHaveLength(1);
  });

  test('a server that ignores the offset is not asked endlessly', async () => {
    const page = Array.from({ length: 200 }, (_, i) => match(`1.${i + 1}`));
    const { url, asked } = await serve((_, response) => json(response, page));
    const found = await open(url).search('/studies', {});
    expect(found.ok && found.value.length).toBe(200);
    expect(asked).toHaveLength(2);
  });

  const uid = '2.25.1';
  test.each<[string, unknown]>([
    ['in the form of PS3.18', [{ '0020000D': { vr: 'UI', Value: [uid] } }]],
    [
      'a value without its list, of an optional attribute',
      [{ '0020000D': { vr: 'UI', Value: [uid] }, '00081190': { vr: 'UR', Value: 'http://127.0.0.1/studies/2.25.1' } }],
    ],
    ['a value without its list, of the required attribute', [{ '0020000D': { vr: 'UI', Value: uid } }]],
    ['no vr', [{ '0020000D': { Value: [uid] }, '00100010': { Value: 'ALARA^TEST' } }]],
    ['no object around a value', [{ '0020000D': uid, '00201208': 3 }]],
    [
      'null in place of values',
      [
        {
          '0020000D': { vr: 'UI', Value: [uid] },
          '00080020': null,
          '00080030': { vr: 'TM', Value: null },
          '00080050': { vr: 'SH', Value: [null] },
        },
      ],
    ],
    [
      'names as text, numbers as text, a binary value',
      [
        {
          '0020000D': { vr: 'UI', Value: [uid] },
          '00100010': { vr: 'PN', Value: ['ALARA^TEST'] },
          '00201208': { vr: 'IS', Value: ['3'] },
          '00420011': { vr: 'OB', InlineBinary: 'AA==' },
        },
      ],
    ],
    [
      'a list where an attribute should be, and an object where a list should be',
      [
        {
          '0020000D': { vr: 'UI', Value: [uid] },
          '00080020': ['20260101'],
          '00100010': { vr: 'PN', Value: { Alphabetic: 'ALARA^TEST' } },
        },
      ],
    ],
    ['an invalid vr, and a boolean', [{ '0020000D': { vr: 7, Value: [uid] }, '00080020': true }]],
    ['a UID that is padded', [{ '0020000D': { vr: 'UI', Value: [`${uid}\0`] } }]],
    ['lower-case tags', [{ '0020000d': { vr: 'UI', Value: [uid] } }]],
    ['null in the list of matches', [null, { '0020000D': { vr: 'UI', Value: [uid] } }]],
    ['no list around the match', { '0020000D': { vr: 'UI', Value: [uid] } }],
  ])('finds the match in an answer with %s', async (_, answer) => {
    const { url } = await serve((_, response) => json(response, answer));
    const found = await open(url).search('/studies', {});
    expect(found.ok && found.value.map((match) => text(match, tags.studyInstanceUid)), JSON.stringify(found)).toEqual([
      uid,
    ]);
  });

  test.each([
    ['text', '"none"'],
    ['a list of text', '["2.25.1"]'],
    ['an error', '{"error":"no such study"}'],
    ['HTML', '<html></html>'],
    ['XML', '<NativeDicomModel/>'],
  ])('an answer that is %s is refused, and does not mean no match', async (_, body) => {
    const { url } = await serve((_, response) => response.writeHead(200).end(body));
    expect(await open(url).search('/studies', {})).toMatchObject({ ok: false, fault: { code: 'pacs_refused' } });
  });

  test('the digest of a list equals that of its canonical form', () => {
    const sent = [{ '00081190': { vr: 'UR', Value: ['http://a'] }, '00185101': { vr: 'CS', Value: ['PA'] } }];
    const [match = {}] = AttributesList.parse(sent);
    // The digest is stored: a change would cause every film to be read again.
    expect(attributesDigest(match, [tags.viewPosition, tags.bodyPartExamined])).toBe(
      createHash('sha256')
        .update(JSON.stringify([['PA'], []]))
        .digest('base64url'),
    );
  });

  test('204 means no match', async () => {
    const { url } = await serve((_, response) => response.writeHead(204).end());
    expect(await open(url).search('/studies', {})).toEqual({ ok: true, value: [] });
  });
});

describe('WADO-RS', () => {
  const film = Buffer.from([...Array.from({ length: 70_000 }, (_, i) => i % 251), 13, 10, 45, 45, 13, 10]);
  const multipart = (boundary: string, type = `boundary=${boundary}`, before = '', after = '') => ({
    type: `multipart/related; type="application/dicom"; ${type}`,
    body: Buffer.concat([
      Buffer.from(`${before}--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      film,
      Buffer.from(`\r\n--${boundary}--${after}`),
    ]),
  });
  const send = (response: ServerResponse, { type, body }: { type: string; body: Buffer }, pieceBytes: number) => {
    response.writeHead(200, { 'content-type': type });
    for (let at = 0; at < body.length; at += pieceBytes) response.write(body.subarray(at, at + pieceBytes));
    response.end();
  };

  test.each([
    ['as Orthanc sends it', multipart('6f4ad4ee-601a'), 65_536],
    ['in small pieces', multipart('b'), 997],
    ['with a quoted boundary', multipart('a b', 'boundary="a b"'), 65_536],
    ['with line breaks around', multipart('b', 'boundary=b; start=x', '\r\n', '\r\n'), 1],
    ['without multipart', { type: 'application/dicom', body: film }, 65_536],
  ])('a film is returned unchanged: %s', async (_, answer, pieceBytes) => {
    const { url, asked } = await serve((_, response) => send(response, answer, pieceBytes === 1 ? 4096 : pieceBytes));
    const pulled = await open(url).retrieve(place);
    expect(pulled.ok && Buffer.compare(pulled.value, film)).toBe(0);
    expect(asked[0]?.path).toBe('/studies/1.2.3/series/1.2.3.4/instances/1.2.3.4.5');
    expect(asked[0]?.headers.accept).toBe('multipart/related; type="application/dicom"; transfer-syntax=*');
  });

  const dicom = Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), film]);
  const answers = (
    before: string,
    after: string,
    type = 'multipart/related; type="application/dicom"; boundary=BBB',
  ) => ({
    type,
    body: Buffer.concat([Buffer.from(before), dicom, Buffer.from(after)]),
  });
  test.each<[string, { type: string; body: Buffer }]>([
    ['a part without headers', answers('--BBB\r\n\r\n', '\r\n--BBB--\r\n')],
    ['a part without headers and without an empty line', answers('--BBB\r\n', '\r\n--BBB--\r\n')],
    ['lines that end in LF', answers('--BBB\nContent-Type: application/dicom\n\n', '\n--BBB--\n')],
    ['LF alone and no headers', answers('--BBB\n\n', '\n--BBB--\n')],
    ['a preamble and an epilogue', answers('a film:\r\n\r\n--BBB\r\n\r\n', '\r\n--BBB--\r\nthe end\r\n')],
    [
      'additional headers',
      answers(
        '--BBB\r\nContent-Length: 70100\r\nMIME-Version: 1.0\r\nContent-Location: /a/b\r\ncontent-type:application/dicom;\r\n transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n',
        '\r\n--BBB--',
      ),
    ],
    ['a wrong length', answers('--BBB\r\nContent-Length: 3\r\n\r\n', '\r\n--BBB--')],
    [
      'a part of another kind before it',
      answers(
        '--BBB\r\nContent-Type: application/dicom+json\r\n\r\n[{}]\r\n--BBB\r\nContent-Type: application/dicom\r\n\r\n',
        '\r\n--BBB--',
      ),
    ],
    ['a file in the first part, and a truncated file after it', answers('--BBB\r\n\r\n', '\r\n--BBB\r\nContent-Ty')],
    [
      'parameters in another order, without quotes',
      answers('--BBB\r\n\r\n', '\r\n--BBB--', 'Multipart/Related; Boundary=BBB; type=application/dicom; start=x'),
    ],
    [
      'a quoted boundary, and a type with a parameter',
      answers(
        '--BBB\r\n\r\n',
        '\r\n--BBB--',
        'multipart/related; type="application/dicom; transfer-syntax=*" ; boundary = "BBB"',
      ),
    ],
    ['multipart/mixed', answers('--BBB\r\n\r\n', '\r\n--BBB--', 'multipart/mixed; boundary=BBB')],
    ['no multipart', answers('', '', 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1')],
    ['no multipart and no exact type', answers('', '', 'application/octet-stream')],
  ])('a film is returned unchanged from an answer with %s', async (_, answer) => {
    for (const pieceBytes of [65_536, 17]) {
      const { url } = await serve((_, response) => send(response, answer, pieceBytes));
      const pulled = await open(url).retrieve(place);
      expect(pulled.ok && Buffer.compare(pulled.value, dicom), JSON.stringify(pulled).slice(0, 300)).toBe(0);
    }
  });

  test('a film without Content-Type is recognized by its bytes', async () => {
    const { url } = await serve((_, response) => response.writeHead(200).end(dicom));
    expect(await open(url).retrieve(place)).toMatchObject({ ok: true });
    const other = await serve((_, response) => response.writeHead(200).end('no such film'));
    expect(await open(other.url).retrieve(place)).toMatchObject({ ok: false, fault: { code: 'pacs_refused' } });
  });

  test('a film above the limit is not read to its end', async () => {
    let sent = 0;
    const { url } = await serve(async (_, response) => {
      response.writeHead(200, { 'content-type': 'multipart/related; boundary=b' });
      response.write('--b\r\nContent-Type: application/dicom\r\n\r\n');
      for (let i = 0; i < 400 && !response.destroyed; i++) {
        sent += 1_000_000;
        if (!response.write(Buffer.alloc(1_000_000)))
          await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
      }
      response.end();
    });
    expect(await open(url).retrieve(place)).toEqual({
      ok: false,
      fault: { code: 'body_too_large', limitBytes: 1_000_000 },
    });
    expect(sent).toBeLessThan(100_000_000);
  });

  test.each([
    ['cut off', { type: 'multipart/related; boundary=b', body: multipart('b').body.subarray(0, 5000) }],
    ['HTML', { type: 'text/html', body: Buffer.from('<html>') }],
    ['no part', { type: 'multipart/related; boundary=b', body: Buffer.from('--b--') }],
    ['another boundary', { type: 'multipart/related; boundary=c', body: multipart('b').body }],
    ['no boundary', { type: 'multipart/related', body: multipart('b').body }],
    [
      'endless headers',
      { type: 'multipart/related; boundary=b', body: Buffer.from(`--b\r\nX: ${'x'.repeat(90_000)}`) },
    ],
    [
      'metadata alone',
      {
        type: 'multipart/related; boundary=b',
        body: Buffer.from('--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b--'),
      },
    ],
  ])('an answer without a film is refused: %s', async (_, answer) => {
    const { url } = await serve((_, response) => send(response, answer, 65_536));
    expect(await open(url).retrieve(place)).toMatchObject({ ok: false, fault: { code: 'pacs_refused' } });
  });
});

describe('STOW-RS', () => {
  const stored = (...uids: string[]) => ({
    '00081198': { vr: 'SQ' },
    '00081199': { vr: 'SQ', Value: uids.map((uid) => ({ '00081155': { vr: 'UI', Value: [uid] } })) },
  });
  const files = [new Uint8Array([1, 13, 10, 45, 45, 2]), new Uint8Array(3000).fill(7)];

  test('sends each file as a part', async () => {
    const { url, asked } = await serve((_, response) => json(response, stored('1.1', '1.2')));
    expect(await open(url).store(files)).toEqual({ ok: true, value: ['1.1', '1.2'] });
    const [post] = asked;
    expect(post?.path).toBe('/studies');
    const { body, headers } = post ?? { body: Buffer.alloc(0), headers: {} };
    const type = headers['content-type'] ?? '';
    expect(type).toMatch(/^multipart\/related; type="application\/dicom"; boundary=\S+$/);
    const boundary = type.split('boundary=')[1];
    const parts = body.toString('latin1').split(`--${boundary}`);
    expect(parts.map((part) => part.length > 0)).toEqual([false, true, true, true]);
    expect(parts.slice(1, 3)).toEqual(
      files.map((file) => `\r\nContent-Type: application/dicom\r\n\r\n${Buffer.from(file).toString('latin1')}\r\n`),
    );
    expect(parts[3]).toBe('--\r\n');
  });

  test.each([200, 202, 400, 409])('counts the listed instances as stored for any status: %i', async (status) => {
    const { url } = await serve((_, response) => json(response, stored('1.1'), status));
    expect(await open(url).store(files)).toEqual({ ok: true, value: ['1.1'] });
  });

  test.each([
    ['a list', [stored('1.1')]],
    ['an item without its list', { '00081199': { vr: 'SQ', Value: { '00081155': { vr: 'UI', Value: '1.1' } } } }],
    ['null beside it', { ...stored('1.1'), '00081190': null, '00081198': { vr: 'SQ', Value: null } }],
  ])('counts the stored instances in an answer of %s', async (_, answer) => {
    const { url } = await serve((_, response) => json(response, answer));
    expect(await open(url).store(files)).toEqual({ ok: true, value: ['1.1'] });
  });

  test.each([
    ['nothing', ''],
    ['HTML', '<html>'],
    ['no list', '{}'],
    ['an empty list', '{"00081199":{"vr":"SQ"}}'],
    ['a text where the list should be', '{"00081199":{"vr":"SQ","Value":"1.1"}}'],
  ])('an answer of %s confirms nothing', async (_, body) => {
    const { url } = await serve((_, response) => response.writeHead(200).end(body));
    expect(await open(url).store(files)).toEqual({ ok: true, value: [] });
  });
});

const listen = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
};

/** A server with a new certificate that no authority signed. */
const openTls = async (): Promise<number> => {
  const place = folder();
  const [key, cert] = [join(place, 'key.pem'), join(place, 'cert.pem')];
  const subject = ['-days', '1', '-subj', '/CN=archive.example'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_, response) => response.end());
  return listen(server);
};

const connectionFailures: readonly [string, () => Promise<string>, string, RegExp, RegExp][] = [
  [
    'a port without a server',
    async () => {
      const server = createTcpServer();
      const port = await listen(server);
      await new Promise((done) => server.close(done));
      return `http://127.0.0.1:${port}`;
    },
    'refused the connection',
    /^Start the PACS, or correct the host and the port/,
    /^ECONNREFUSED$/,
  ],
  [
    'a host name that does not exist',
    async () => 'http://archive.invalid',
    'has a host name that cannot be resolved',
    /^Correct the host name in ALARA_PACS/,
    /^(ENOTFOUND|EAI_AGAIN)$/,
  ],
  [
    'a certificate of an unknown authority',
    async () => `https://127.0.0.1:${await openTls()}`,
    'has a TLS certificate that this machine does not trust',
    /NODE_EXTRA_CA_CERTS/,
    /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
  ],
  [
    'https to a server without TLS',
    async () => (await serve((_, response) => response.end())).url.replace('http:', 'https:'),
    'does not speak TLS at this port',
    /^Write http:\/\/ into ALARA_PACS/,
    /^ERR_SSL_WRONG_VERSION_NUMBER$/,
  ],
  [
    'http to a server with TLS',
    async () => `http://127.0.0.1:${await openTls()}`,
    'closed the connection before its answer was complete',
    /write https:\/\/ for a port with TLS/,
    /^UND_ERR_SOCKET$/,
  ],
  [
    'a port of another protocol',
    async () => `http://127.0.0.1:${await listen(createTcpServer((socket) => void socket.end('220 ready\r\n')))}`,
    'does not speak HTTP at this port',
    /not the port of C-STORE/,
    /^HPE_/,
  ],
];

describe('failures', () => {
  const faultOf = async (url: string, more: object = {}) => {
    const result = await open(url, more).search('/studies/1.2.3/instances', {});
    return result.ok ? null : result.fault;
  };

  test.each([
    [500, 'pacs_unavailable', 'main answered 500 (request: search by QIDO-RS)'],
    [503, 'pacs_unavailable', 'main answered 503 (request: search by QIDO-RS)'],
    [429, 'pacs_unavailable', 'main answered 429 (request: search by QIDO-RS)'],
    [
      ...([401, 'pacs_refused'] as const),
      'main answered 401, because ALARA_PACS has no credentials for it (request: search by QIDO-RS)',
    ],
    [404, 'pacs_refused', 'main answered 404 (request: search by QIDO-RS)'],
    [400, 'pacs_refused', 'main answered 400 (request: search by QIDO-RS)'],
  ])('status %i', async (status, code, problem) => {
    const { url } = await serve((_, response) => response.writeHead(status).end('about patient 1.2.3'));
    // A wrong password, or a missing service, needs the operator. It is not the fault of an object.
    expect(await faultOf(url)).toEqual({
      ...{ code, problem },
      ...([401, 404].includes(status) && { setup: true }),
      ...(status === 401 && { fix: expect.stringMatching(/^Set username and passwordFile .* of pacs\.main/) }),
    });
  });

  test('a missing instance has a separate fault, which does not blame the setup of the PACS', async () => {
    const { url } = await serve((_, response) => response.writeHead(404).end());
    expect(await open(url).retrieve(place)).toEqual({
      ok: false,
      fault: { code: 'pacs_refused', problem: 'main answered 404 (request: download of an instance by WADO-RS)' },
    });
  });

  test('a redirect is not followed, so that no secret reaches another server', async () => {
    const elsewhere = await serve((_, response) => json(response, []));
    const { url } = await serve((_, response) => response.writeHead(307, { location: elsewhere.url }).end());
    expect(await faultOf(url)).toMatchObject({ code: 'pacs_refused', setup: true });
    expect(elsewhere.asked).toEqual([]);
  });

  test('a missing answer and a truncated answer are named without an address', async () => {
    const silent = await serve(() => undefined);
    expect(await faultOf(silent.url, { timeoutSeconds: 0.2 })).toEqual({
      code: 'pacs_unavailable',
      problem: 'main did not answer within 0.2 s (request: search by QIDO-RS)',
      fix: 'Check the load of the PACS, or raise pacs.main.timeoutSeconds. The work is tried again.',
    });
    const stops = await serve((_, response) => response.writeHead(200).write('[{'));
    expect(await faultOf(stops.url, { timeoutSeconds: 0.2 })).toMatchObject({ code: 'pacs_unavailable' });
    const hangsUp = await serve((_, response) => response.destroy());
    expect(await faultOf(hangsUp.url)).toEqual({
      code: 'pacs_unavailable',
      problem: 'main closed the connection before its answer was complete (request: search by QIDO-RS)',
      fix: expect.stringMatching(/^Check the log of the PACS/),
      cause: 'UND_ERR_SOCKET',
    });
  });

  test('wrong credentials are named, with the settings that hold them', async () => {
    const { url } = await serve((_, response) => response.writeHead(401).end());
    process.env['PACS_PASSWORD'] = 'wrong';
    onTestFinished(() => void delete process.env['PACS_PASSWORD']);
    expect(await faultOf(url, { username: 'alara', passwordEnv: 'PACS_PASSWORD' })).toEqual({
      ...{ code: 'pacs_refused', setup: true },
      problem: 'main answered 401 to the credentials in ALARA_PACS (request: search by QIDO-RS)',
      fix: expect.stringMatching(/^Set username and passwordFile/),
    });
  });

  test('a web page in place of DICOM JSON is named', async () => {
    const { url } = await serve((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>Log in</html>'),
    );
    expect(await faultOf(url)).toEqual({
      code: 'pacs_refused',
      problem: 'main answered with a web page in place of DICOM JSON (request: search by QIDO-RS)',
      fix: expect.stringMatching(/^Set pacs\.main\.dicomWeb to the root of the DICOMweb services/),
    });
  });

  test.each(connectionFailures)(
    '%s: one sentence without an error code, a fix, and the code as the cause',
    async (_, open, problem, fix, cause) => {
      const fault = await faultOf(await open());
      expect(fault).toEqual({
        code: 'pacs_unavailable',
        problem: `main ${problem} (request: search by QIDO-RS)`,
        fix: expect.stringMatching(fix),
        cause: expect.stringMatching(cause),
      });
    },
  );

  test('an aborted request ends at once', async () => {
    const { url } = await serve(() => undefined);
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    const result = await open(url).search('/studies', {}, stop.signal);
    expect(result).toMatchObject({ ok: false, fault: { code: 'pacs_unavailable' } });
  });
});
