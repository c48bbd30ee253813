import { describe, expect, test } from 'vitest';
import { fail } from '../../../../functions/core/result.ts';
import { frameOf } from '../../../../functions/decode/dicom/codecs/pixels.ts';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { openImage } from '../../../../functions/decode/dicom/open-image.ts';
import { openJpeg, openJph } from '../../../support/dicom/codestream.ts';
import { decoded, expected, grays, same } from '../../../support/dicom/compare.ts';
import { type Dataset, type Element, merge } from '../../../support/dicom/element.ts';
import { encoder } from '../../../support/dicom/encoders.ts';
import { chest, range, type Stored, sampleBytes } from '../../../support/dicom/film.ts';
import { chestDataset, encapsulated, short, text } from '../../../support/dicom/instance.ts';
import { part10, transferSyntaxes } from '../../../support/dicom/part10.ts';
import { subject } from '../../../support/dicom/subject.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { dcmtk, has, install, through } from '../../../support/dicom/tools.ts';
import { faultOf } from '../../../support/family.ts';
import { jpeg, ramp } from '../../../support/image-files.ts';

const [columns, rows] = [131, 129];
const stored = (bits: number, signed: boolean): Stored => ({
  columns,
  rows,
  bits,
  signed,
  values: Int32Array.from({ length: columns * rows }, (_, i) => ((i * 5) % 2 ** bits) - (signed ? 2 ** (bits - 1) : 0)),
});
const twelve = stored(12, false);
const words = (values: ArrayLike<number>): Element => ({
  tag: tags.PixelData,
  vr: 'OW',
  value: new Uint8Array(Uint16Array.from(values).buffer),
});
const read = async (film: Stored, ...changes: readonly Dataset[]) =>
  (await decoded(part10(chestDataset(film, ...changes)))).film;
const refuse = async (bytes: Uint8Array) => faultOf(await decodeDicom(bytes));

describe('a pixel is its stored bits at every position in the word', () => {
  test('an overlay in the bits above is ignored', async () => {
    const overlaid = words(twelve.values.map((value, i) => value | ((i % 16) << 12)));
    expect(same(await read(twelve, [overlaid]), await read(twelve))).toBe(true);
  });

  test('bits below are ignored', async () => {
    const shifted = words(twelve.values.map((value, i) => (value << 4) | (i % 16)));
    expect(same(await read(twelve, [shifted, short(tags.HighBit, 15)]), await read(twelve))).toBe(true);
  });

  test.each([8, 12, 16])('%i bits with a sign', async (bits) => {
    const film = await read(stored(bits, true));
    expect(same(film, await read(stored(bits, false)))).toBe(true);
  });

  test('a film with 10 bits in two bytes is deep, and with 8 bits it is not', async () => {
    expect((await read(stored(10, false))).pixels).toBeInstanceOf(Uint16Array);
    const eight = stored(8, false);
    const wide = await read(eight, [short(tags.BitsAllocated, 16), words(eight.values)]);
    expect(wide.pixels).toBeInstanceOf(Uint8Array);
    expect(same(wide, await read(eight))).toBe(true);
  });

  test('in big endian, 8-bit pixels are swapped in OW and not in OB', async () => {
    const eight = stored(8, false);
    const bytes = Buffer.from(Uint8Array.from([...eight.values, 0]));
    for (const vr of ['OW', 'OB']) {
      const file = part10(chestDataset(eight, [{ tag: tags.PixelData, vr, value: bytes }]), {
        transferSyntax: transferSyntaxes.explicitBig,
      });
      expect(same((await decoded(file)).film, await read(eight)), vr).toBe(true);
    }
  });
});

test.each([2, 512])('%i bytes behind the pixels are ignored with a warning', async (bytes) => {
  const filled = words(Array.from({ length: columns * rows + bytes / 2 }, (_, i) => twelve.values[i] ?? 7));
  const { film, warnings } = await decoded(part10(chestDataset(twelve, [filled])));
  expect(same(film, await read(twelve))).toBe(true);
  expect(warnings?.map(({ code, found }) => [code, found])).toEqual([['pixel_data_malformed', String(bytes)]]);
  const file = part10(chestDataset(twelve, [filled]), { transferSyntax: transferSyntaxes.explicitBig });
  expect(same((await decoded(file)).film, await read(twelve))).toBe(true);
});

test.each([-2, 10_000, 2 * columns * rows])('pixel data that is %i bytes too long is refused', async (bytes) => {
  const wrong = words(Array.from({ length: columns * rows + bytes / 2 }, () => 7));
  expect(await refuse(part10(chestDataset(twelve, [wrong])))).toMatchObject({
    code: 'corrupt_image',
    problem: expect.stringContaining(`${2 * columns * rows}`),
  });
});

describe('RLE', () => {
  const frame = (segments: readonly Uint8Array[], count = segments.length) => {
    const header = Buffer.alloc(64);
    header.writeUInt32LE(count, 0);
    let at = 64;
    for (const [i, segment] of segments.entries()) {
      header.writeUInt32LE(at, 4 + 4 * i);
      at += segment.length;
    }
    return Buffer.concat([header, ...segments]);
  };
  const file = (stream: Uint8Array, pieces = 1) =>
    part10(chestDataset(twelve, [encapsulated(stream, pieces)]), { transferSyntax: '1.2.840.10008.1.2.5' });
  /** One byte of each pixel as literal runs, with no-op codes between them. */
  const literals = (shift: number) =>
    Buffer.concat(
      Array.from({ length: Math.ceil(twelve.values.length / 128) }, (_, i) => {
        const run = Uint8Array.from(twelve.values.subarray(128 * i, 128 * (i + 1)), (value) => value >> shift);
        return Buffer.from([128, run.length - 1, ...run]);
      }),
    );
  const good = frame([literals(8), literals(0)]);

  test('decodes literal runs and no-op codes', async () => {
    expect(same((await decoded(file(good))).film, await read(twelve))).toBe(true);
    expect(same((await decoded(file(good, 5))).film, await read(twelve))).toBe(true);
  });

  test.each<[string, Uint8Array]>([
    ['a missing segment', frame([literals(8)])],
    ['a surplus segment', frame([literals(8), literals(0), literals(0)])],
    ['a segment that ends too soon', frame([literals(8), literals(0).subarray(0, -4)])],
    ['a run that reaches beyond its segment', frame([literals(8).subarray(0, -1), literals(0)])],
    [
      'segments in the wrong order',
      (() => {
        const wrong = Buffer.from(good);
        wrong.writeUInt32LE(good.readUInt32LE(8), 4);
        wrong.writeUInt32LE(64, 8);
        return wrong;
      })(),
    ],
    ['no header', good.subarray(0, 60)],
  ])('with %s is refused', async (_, stream) => {
    expect(await refuse(file(stream))).toMatchObject({
      code: 'corrupt_image',
      problem: expect.stringContaining('RLE'),
    });
  });
});

describe('JPEG', () => {
  const eight = ramp(columns, rows);
  const film: Stored = { columns, rows, bits: 8, signed: false, values: Int32Array.from(eight.values) };
  const file = (stream: Uint8Array, ...changes: Element[]) =>
    part10(chestDataset(film, merge(changes, [encapsulated(stream)])), { transferSyntax: '1.2.840.10008.1.2.4.50' });
  const scan = (stream: Buffer) => stream.indexOf(Buffer.from([0xff, 0xda]));

  test('is read with a frame of 8 bits in 8 or in 16 allocated bits', async () => {
    const stream = await jpeg(eight);
    const narrow = (await decoded(file(stream))).film;
    const off = Array.from(narrow.pixels, (value, i) => Math.abs(value - (eight.values[i] ?? 0)));
    expect(Math.max(...off)).toBeLessThanOrEqual(2);
    const wide = await decoded(file(stream, short(tags.BitsAllocated, 16)));
    expect(same(wide.film, narrow)).toBe(true);
  });

  test('is read from fragments with a stated length', async () => {
    const stream = await jpeg(eight);
    const sound = file(stream);
    const at = sound.lastIndexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00])) + 8;
    const stated = (bytes: number) => {
      const copy = Buffer.from(sound);
      copy.writeUInt32LE(bytes, at);
      return copy;
    };
    const { film: expected } = await decoded(sound);
    const whole = sound.length - at - 4;
    // With and without the Sequence Delimitation Item.
    for (const written of [stated(whole), stated(whole - 8), stated(whole - 8).subarray(0, -8)]) {
      const { film, warnings } = await decoded(written);
      expect(same(film, expected)).toBe(true);
      expect(warnings?.map(({ code }) => code)).toEqual(['pixel_data_malformed']);
    }
    expect(await refuse(stated(whole).subarray(0, -20))).toMatchObject({ code: 'corrupt_image' });
  });

  test('is refused if its fragments contain two images', async () => {
    const stream = await jpeg(eight);
    const twice = { tag: tags.PixelData, vr: 'OB', fragments: [new Uint8Array(0), stream, stream] };
    expect(await refuse(part10(chestDataset(film, [twice]), { transferSyntax: '1.2.840.10008.1.2.4.50' }))).toEqual({
      code: 'corrupt_image',
      problem: 'Pixel Data (7FE0,0010) has 2 compressed images, but the header says 1 frame',
    });
  });

  test('a codec that cannot run is not a fault of the film', async () => {
    const opened = openImage(file(await jpeg(eight)));
    if (!opened.ok) throw new Error('the file is sound');
    const missing = async () => {
      throw new Error('no such file: codecs.wasm');
    };
    await expect(frameOf(opened.value, missing)).rejects.toThrow('codecs.wasm');
    for (const why of ['damaged', 'memoryExceeded'] as const)
      expect(await frameOf(opened.value, async () => fail(why))).toMatchObject({ fault: { code: 'corrupt_image' } });
  });

  test('is white, not black, where it exceeds the stored bits', async () => {
    const bright = await jpeg({ ...eight, values: Array.from(eight.values, () => 70) });
    const { film } = await decoded(
      file(
        bright,
        short(tags.BitsStored, 6),
        short(tags.HighBit, 5),
        text(tags.WindowCenter, 'DS', ''),
        text(tags.WindowWidth, 'DS', ''),
      ),
    );
    expect(new Set(film.pixels)).toEqual(new Set([255]));
  });

  test('is refused if it is in colour, truncated, damaged or has a second scan', async () => {
    const stream = await jpeg(eight);
    const colour = await jpeg({ ...eight, bands: 3, values: Array.from(eight.values).flatMap((v) => [v, v, v]) });
    const body = stream.subarray(scan(stream), -2);
    const damaged = Buffer.from(stream).fill(0, scan(stream) + 40, scan(stream) + 90);
    const wrong = {
      colour,
      cut: stream.subarray(0, stream.length - 20),
      'truncated, with an end marker added': Buffer.concat([
        stream.subarray(0, scan(stream) + 200),
        Buffer.from([0xff, 0xd9]),
      ]),
      damaged,
      'scanned twice': Buffer.concat([stream.subarray(0, -2), body, Buffer.from([0xff, 0xd9])]),
      'without a frame': Buffer.concat([stream.subarray(0, 2), stream.subarray(scan(stream))]),
      'no JPEG': Buffer.alloc(500, 3),
    };
    for (const [name, bytes] of Object.entries(wrong))
      expect(await refuse(file(bytes)), name).toMatchObject({ code: 'corrupt_image' });
  });

  test('of another process than its transfer syntax is decoded by its bytes', async () => {
    const dataset = chestDataset(film, [encapsulated(await jpeg(eight))]);
    const lossless = await decoded(part10(dataset, { transferSyntax: '1.2.840.10008.1.2.4.70' }));
    const baseline = await decoded(part10(dataset, { transferSyntax: '1.2.840.10008.1.2.4.50' }));
    expect(same(lossless.film, baseline.film)).toBe(true);
    expect(lossless.warnings).toMatchObject([{ code: 'transfer_syntax_mismatch', found: '1.2.840.10008.1.2.4.70' }]);
  });
});

describe.skipIf(!has('dcmcjpeg', 'dcmcjpls', 'opj_compress', 'ojph_compress'))(`the codec library (${install})`, () => {
  const end = Buffer.from([0xff, 0xd9]);
  const file = (film: Stored, stream: Uint8Array, transferSyntax: string) =>
    part10(chestDataset(film, [encapsulated(stream)]), { transferSyntax });

  test('refuses a truncated codestream, at every length', async () => {
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    for (const [stream, transferSyntax] of [
      [openJpeg(film, []), '1.2.840.10008.1.2.4.90'],
      [openJpeg(film, ['-t', '100,90']), '1.2.840.10008.1.2.4.90'],
      [openJph(film, ['-reversible', 'true']), '1.2.840.10008.1.2.4.201'],
    ] as const)
      for (const share of [0.5, 0.7, 0.9, 0.99]) {
        const cut = Buffer.concat([stream.subarray(0, share * stream.length), end]);
        expect(await refuse(file(film, cut, transferSyntax)), `${transferSyntax} ${share}`).toMatchObject({
          code: 'corrupt_image',
        });
      }
  });

  test('reads a codestream of odd length with any padding', async () => {
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    let stream = openJpeg(film, []);
    // A comment with one more letter (T.800, A.9.2), if the length is even otherwise.
    if (stream.length % 2 === 0) {
      const at = stream.indexOf(Buffer.from([0xff, 0x52]));
      const comment = Buffer.from([0xff, 0x64, 0, 5, 0, 1, 0x41]);
      stream = Buffer.concat([stream.subarray(0, at), comment, stream.subarray(at)]);
    }
    expect(stream.length % 2).toBe(1);
    const plain = await read(film);
    for (const padding of [0, 0xff]) {
      const padded = file(film, Buffer.concat([stream, Buffer.of(padding)]), '1.2.840.10008.1.2.4.90');
      expect(same((await decoded(padded)).film, plain), String(padding)).toBe(true);
    }
  });

  test('reads a codestream without its end marker, with and without padding, and one in a JP2 file', async () => {
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    const plain = await read(film);
    const streams = [openJpeg(film, []), openJpeg(film, ['-t', '64,64']), openJph(film, ['-reversible', 'true'])];
    for (const [i, stream] of streams.entries()) {
      const syntax = `1.2.840.10008.1.2.${i === 2 ? '4.201' : '4.90'}`;
      const endless = stream.subarray(0, -2);
      for (const bytes of [endless, Buffer.concat([endless, Buffer.alloc(endless.length % 2)])])
        expect(same((await decoded(file(film, bytes, syntax))).film, plain), `${syntax} ${i}`).toBe(true);
      expect(await refuse(file(film, stream.subarray(0, -4), syntax))).toMatchObject({ code: 'corrupt_image' });
    }
    const jp2 = through(
      'opj_compress',
      (input, output) => ['-i', input, '-o', output, '-F', '200,180,1,12,u'],
      sampleBytes(film),
      ['film.rawl', 'film.jp2'],
    );
    expect(jp2.subarray(4, 8).toString('latin1')).toBe('jP  ');
    expect(same((await decoded(file(film, jp2, '1.2.840.10008.1.2.4.90'))).film, plain)).toBe(true);
    for (const length of [12, 40, 100, jp2.length / 2])
      expect(await refuse(file(film, jp2.subarray(0, length), '1.2.840.10008.1.2.4.90')), String(length)).toMatchObject(
        {
          code: 'corrupt_image',
        },
      );
  });

  /** A film with adjacent lines of full white and full black, where a lossy codec overshoots. */
  const marked = async (signed: boolean): Promise<Stored> => {
    const film = await chest({ columns: 200, rows: 180, bits: 12, signed });
    const { low, high } = range(film);
    const inMarker = (i: number) => i % 200 < 60 && Math.floor(i / 200) < 60;
    const at = (i: number) => ((i >> 1) + Math.floor(i / 400)) % 2;
    return { ...film, values: film.values.map((value, i) => (inMarker(i) ? (at(i) ? high : low) : value)) };
  };
  const lossily = [text(tags.LossyImageCompression, 'CS', '01')];
  const near = (film: Stored) => {
    const wide = dcmtk('dcmcjpls', ['+en', '+md', '40', '+un'], part10(chestDataset({ ...film, bits: 16 })));
    const { fragments } = subject('near', wide);
    return wide.subarray(fragments[0]?.value, fragments[0]?.end);
  };
  const overshooting: readonly [string, boolean, string, (film: Stored) => Uint8Array, Element[]][] = [
    ['JPEG 2000, 9-7', false, '4.91', (film) => openJpeg({ ...film, bits: 16 }, ['-I', '-r', '12']), []],
    ['JPEG 2000, 9-7, signed', true, '4.91', (film) => openJpeg({ ...film, bits: 16 }, ['-I', '-r', '12']), []],
    ['JPEG 2000, 5-3, cut down', false, '4.91', (film) => openJpeg({ ...film, bits: 16 }, ['-r', '12']), lossily],
    ['HTJ2K', false, '4.203', (film) => openJph({ ...film, bits: 16 }, ['-qstep', '0.002']), []],
    ['JPEG-LS near-lossless', false, '4.81', near, []],
  ];
  test.each(overshooting)(
    'white stays white if a lossy stream has more bits than are stored: %s',
    async (_, signed, syntax, encode, changes) => {
      const film = await marked(signed);
      const stream = encode(film);
      const written = part10(chestDataset(film, merge(changes, [encapsulated(stream)])), {
        transferSyntax: `1.2.840.10008.1.2.${syntax}`,
      });
      const gray = grays((await decoded(written)).film);
      const exact = expected(film);
      expect(gray.filter((value, i) => Math.abs(value - (exact[i] ?? 0)) > 0.5)).toHaveLength(0);
    },
  );

  test('an overlay in the bits above the stored bits is ignored in a lossless stream, too', async () => {
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    const overlaid = { ...film, bits: 16, values: film.values.map((value, i) => value | ((i % 16) << 12)) };
    for (const [syntax, stream] of [
      ['4.90', openJpeg(overlaid, [])],
      ['4.201', openJph(overlaid, ['-reversible', 'true'])],
    ] as const)
      expect(
        same((await decoded(file(film, stream, `1.2.840.10008.1.2.${syntax}`))).film, await read(film)),
        syntax,
      ).toBe(true);
  });

  test('reads signed samples of fewer bits than are stored, with the sign of the samples', async () => {
    for (const [bits, stored] of [
      [12, 16],
      [8, 12],
      [10, 12],
    ] as const) {
      const film = await chest({ columns: 200, rows: 180, bits, signed: true });
      const wide: Stored = { ...film, bits: stored };
      const bytes = file(wide, openJpeg(film, []), '1.2.840.10008.1.2.4.90');
      expect(same((await decoded(bytes)).film, await read(wide)), `${bits} of ${stored}`).toBe(true);
    }
    // Without a sign bit in the stream, its position follows from the bits in the header.
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    const bytes = file({ ...film, bits: 16, signed: true }, openJpeg(film, []), '1.2.840.10008.1.2.4.90');
    expect(await refuse(bytes)).toMatchObject({ problem: expect.stringContaining('12 bits per pixel') });
  });

  test('reads good films after and between streams that break the codec', async () => {
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    const good = encoder('JPEG-LS lossless').encode(film);
    const broken = Buffer.from(good);
    broken.fill(0x55, broken.length - 9000, broken.length - 5000);
    const plain = await read(film);
    const results = await Promise.all([good, broken, good, broken, broken, good].map((bytes) => decodeDicom(bytes)));
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true, false, false, true]);
    for (const result of results) if (result.ok) expect(same(result.value.film, plain)).toBe(true);
  });

  test('writes nothing to the console', async () => {
    const film = await chest({ columns: 200, rows: 180, bits: 12 });
    const broken = Buffer.from(encoder('JPEG lossless, first-order prediction').encode(film));
    broken.fill(0, broken.length - 9000, broken.length - 5000);
    const said: unknown[] = [];
    const { stdout, stderr } = process;
    const [out, err] = [stdout.write, stderr.write];
    stdout.write = stderr.write = (chunk: unknown) => said.push(chunk) > 0;
    try {
      expect(await refuse(broken)).toMatchObject({ code: 'corrupt_image' });
    } finally {
      stdout.write = out;
      stderr.write = err;
    }
    expect(said).toEqual([]);
  });
});
