import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentType, MultipartError, partsOf } from '../../functions/platform/multipart.ts';

type Sent = { readonly type: string; readonly bytes: Uint8Array };

const boundary = 'alara_b0undary';
const ascii = (text: string) => Buffer.from(text, 'latin1');
const encode = (parts: readonly Sent[], { before = '', after = '\r\n', pad = '' } = {}) =>
  Buffer.concat([
    ascii(before),
    ...parts.flatMap(({ type, bytes }, i) => [
      ascii(
        `${i === 0 && before === '' ? '' : '\r\n'}--${boundary}${pad}\r\nContent-Type: ${type}\r\nX-Other: 1\r\n\r\n`,
      ),
      bytes,
    ]),
    ascii(`\r\n--${boundary}--${after}`),
  ]);

/** A stream of these bytes in chunks of the given sizes. */
function stream(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]): ReadableStream<Uint8Array> {
  let at = 0;
  let i = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      const size = Math.max(1, sizes[i++ % sizes.length] ?? 1);
      controller.enqueue(bytes.slice(at, at + size));
      at += size;
    },
  });
}

async function read(body: ReadableStream<Uint8Array>): Promise<Sent[]> {
  const parts: Sent[] = [];
  for await (const { mediaType, bytes } of partsOf(body, boundary)) {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes) pieces.push(piece);
    parts.push({ type: mediaType, bytes: new Uint8Array(Buffer.concat(pieces)) });
  }
  return parts;
}

/** Bytes, about half of which resemble boundaries. */
const nearly = [
  `\r\n--${boundary}x`,
  `\r\n--${boundary} y`,
  `--${boundary}`,
  `\r\n--${boundary.slice(0, 5)}`,
  '\r\n',
  '\r',
  '-',
];
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(...nearly).map((text) => new Uint8Array(ascii(text))),
    ),
    {
      maxLength: 8,
    },
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)))
  // A boundary that ends its line is valid, whatever its origin.
  .filter(
    (bytes) => !/\r\n--alara_b0undary(--|[ \t]*\r\n)/.test(Buffer.concat([bytes, ascii('\r\n-')]).toString('latin1')),
  );
const parts = fc.array(fc.record({ type: fc.constant('application/dicom'), bytes: content }), {
  minLength: 1,
  maxLength: 5,
});
const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });

describe('the parts of a multipart body', () => {
  test('are returned unchanged for every split into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(parts, cuts, async (sent, sizes) => {
        expect(await read(stream(encode(sent), sizes))).toEqual(sent);
      }),
      { numRuns: 300 },
    );
  });

  const one: Sent[] = [{ type: 'application/dicom', bytes: new Uint8Array([1, 2, 3]) }];
  test.each([
    ['a line break before the first boundary', { before: '\r\n' }],
    ['a preamble', { before: 'This is a multi-part message.\r\n' }],
    ['nothing after the last boundary', { after: '' }],
    ['an epilogue', { after: '\r\nthe end' }],
    ['padded boundary lines', { pad: ' \t' }],
  ])('are found with %s, also byte by byte', async (_, options) => {
    expect(await read(stream(encode(one, options)))).toEqual(one);
    expect(await read(stream(encode(one, options), [1]))).toEqual(one);
  });

  test('that are not read, or not to their end, are skipped', async () => {
    const sent = Array.from({ length: 4 }, (_, i) => ({ type: `a/${i}`, bytes: new Uint8Array(100).fill(i) }));
    const types: string[] = [];
    let first = 0;
    for await (const { mediaType, bytes } of partsOf(stream(encode(sent), [30]), boundary)) {
      types.push(mediaType);
      if (types.length === 2)
        for await (const piece of bytes) {
          first = piece.length;
          break;
        }
    }
    expect(types).toEqual(['a/0', 'a/1', 'a/2', 'a/3']);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(100);
  });

  test('are buffered one network chunk at a time', async () => {
    const size = 50_000_000;
    let made = 0;
    const head = ascii(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`);
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (made === 0) controller.enqueue(new Uint8Array(head));
          if (made >= size) {
            controller.enqueue(new Uint8Array(ascii(`\r\n--${boundary}--`)));
            return controller.close();
          }
          made += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(13));
        },
      },
      { highWaterMark: 0 },
    );
    let ahead = 0;
    let got = 0;
    for await (const { bytes } of partsOf(body, boundary))
      for await (const piece of bytes) {
        got += piece.length;
        ahead = Math.max(ahead, made - got);
      }
    expect(got).toBe(made);
    expect(ahead).toBeLessThan(200_000);
  });

  test.each([
    ['is truncated', () => encode(one).subarray(0, -6), 'ends before'],
    ['is truncated in a header', () => encode(one).subarray(0, 30), 'ends before'],
    ['is empty', () => new Uint8Array(), 'ends before'],
    ['has another boundary', () => ascii(`--other\r\n\r\n${'x'.repeat(20_000)}\r\n--other--`), 'boundary'],
    ['has endless headers', () => ascii(`--${boundary}\r\nX: ${'x'.repeat(40_000)}`), 'headers'],
    ['continues after its end', () => encode(one, { after: 'x'.repeat(20_000) }), 'follows'],
  ])('are refused if the body %s', async (_, body, said) => {
    await expect(read(stream(body(), [1000]))).rejects.toThrow(MultipartError);
    await expect(read(stream(body(), [1000]))).rejects.toThrow(said);
  });
});

describe('a content type', () => {
  test.each([
    ['multipart/related; type="application/dicom"; boundary=abc', 'application/dicom', 'abc'],
    ['Multipart/Related;type=application/dicom;Boundary="a b;c"', 'application/dicom', 'a b;c'],
    ['multipart/related; boundary="a\\"b" ; type="application/dicom+json"', 'application/dicom+json', 'a"b'],
    ['multipart/related', undefined, undefined],
  ])('%s', (header, type, boundary) => {
    const { parameters, ...rest } = contentType(header);
    expect(rest).toEqual({ type: 'multipart/related' });
    expect([parameters.get('type'), parameters.get('boundary')]).toEqual([type, boundary]);
  });
});
