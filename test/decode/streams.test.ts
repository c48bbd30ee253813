import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Decoded } from '../../functions/core/film.ts';
import { decode } from '../../functions/decode/decode.ts';
import { openJpeg } from '../support/dicom/codestream.ts';
import { same } from '../support/dicom/compare.ts';
import { encoder } from '../support/dicom/encoders.ts';
import { chest, type Stored } from '../support/dicom/film.ts';
import { chestDataset, encapsulated } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { subject } from '../support/dicom/subject.ts';
import { has, install } from '../support/dicom/tools.ts';
import { faultOf, unwrap } from '../support/family.ts';
import { jpeg, ramp, segment, spread } from '../support/image-files.ts';

const [columns, rows] = [200, 168];
const baseline = '1.2.840.10008.1.2.4.50';
const end = Buffer.from([0xff, 0xd9]);

/** One stream as a DICOM instance of a film of its size. */
function inDicom(stream: Uint8Array, transferSyntax = baseline, pieces = 1, bits = 8): Buffer {
  const film: Stored = { columns, rows, bits, signed: false, values: new Int32Array(columns * rows) };
  return part10(chestDataset(film, [encapsulated(stream, pieces)]), { transferSyntax });
}

const codes = ({ warnings = [] }: Decoded) => warnings.map(({ code }) => code);

type Segment = { readonly marker: number; readonly start: number; readonly end: number };

/** The segments up to the first scan. The last one is its header. */
function segments(stream: Buffer): Segment[] {
  const found: Segment[] = [];
  for (let at = 2; ; ) {
    const marker = stream[at + 1] ?? 0;
    found.push({ marker, start: at, end: at + 2 + stream.readUInt16BE(at + 2) });
    if (marker === 0xda) return found;
    at += 2 + stream.readUInt16BE(at + 2);
  }
}

function segmentOf(stream: Buffer, marker: number): Segment {
  const found = segments(stream).find((each) => each.marker === marker);
  if (!found) throw new Error(`no segment ${marker.toString(16)}`);
  return found;
}

const insert = (stream: Buffer, at: number, ...bytes: readonly Uint8Array[]) =>
  Buffer.concat([stream.subarray(0, at), ...bytes, stream.subarray(at)]);
const cut = (stream: Buffer, from: number, to: number) =>
  Buffer.concat([stream.subarray(0, from), stream.subarray(to)]);
const beforeEnd = (stream: Buffer, ...bytes: readonly number[]) =>
  insert(stream, stream.length - 2, Buffer.from(bytes));
const atScan = (stream: Buffer, ...bytes: readonly Uint8Array[]) =>
  insert(stream, segmentOf(stream, 0xda).start, ...bytes);
const patched = (stream: Buffer, at: number, ...bytes: readonly number[]) => {
  const copy = Buffer.from(stream);
  copy.set(bytes, at);
  return copy;
};
const dri = (interval: number) => segment(0xdd, Buffer.from([interval >> 8, interval & 0xff]));
/** The positions of the restart markers. */
const restarts = (stream: Buffer) => {
  const from = segmentOf(stream, 0xda).end;
  return Array.from({ length: stream.length - from - 1 }, (_, i) => from + i).filter(
    (at) => stream[at] === 0xff && (stream[at + 1] ?? 0) >= 0xd0 && (stream[at + 1] ?? 0) <= 0xd7,
  );
};
const mcusPerRestart = 25;

/** Changes of a valid stream. */
type Mutation = (stream: Buffer) => Buffer;

/** Valid by the standard: read without a warning. */
const legal: Record<string, Mutation> = {
  unchanged: (stream) => stream,
  'with fill bytes before markers': (stream) => atScan(beforeEnd(stream, 0xff, 0xff, 0xff), Buffer.from([0xff, 0xff])),
  'with comments, metadata and a profile': (stream) =>
    insert(
      stream,
      2,
      segment(0xfe, Buffer.from('text')),
      segment(0xe2, Buffer.from('ICC_PROFILE\0\x01\x01nonsense', 'latin1')),
      segment(0xe1, Buffer.from('http://ns.adobe.com/xap/1.0/\0<x/>', 'latin1')),
      segment(0xed, Buffer.alloc(500, 0xff)),
    ),
  'with a comment behind its scan': (stream) => beforeEnd(stream, ...segment(0xfe, Buffer.from('text'))),
  'with a JFIF segment of another version': (stream) =>
    insert(stream, 2, segment(0xe0, Buffer.from('JFIF\0\x09\x09\0\0\0\0\0\0\0', 'latin1'))),
  'with bytes after its end': (stream) => Buffer.concat([stream, Buffer.from('and more'), stream]),
  'with zeros after its end': (stream) => Buffer.concat([stream, Buffer.alloc(5000)]),
  'with its lines named after the scan': (stream) =>
    beforeEnd(patched(stream, segmentOf(stream, 0xc0).start + 5, 0, 0), 0xff, 0xdc, 0, 4, rows >> 8, rows & 0xff),
};

/** Violates the standard and changes no pixel: read with a warning. */
const harmless: Record<string, Mutation> = {
  'with 1 zero before its end': (stream) => beforeEnd(stream, 0),
  'with 7 zeros before its end': (stream) => beforeEnd(stream, 0, 0, 0, 0, 0, 0, 0),
  'with a block of zeros before its end': (stream) => beforeEnd(stream, ...new Uint8Array(512)),
  'with 2 stray bytes before its end': (stream) => beforeEnd(stream, 0x0d, 0x0a),
  'with stray bytes before its end': (stream) => beforeEnd(stream, 0xde, 0xad, 0xbe, 0xef, 0x12),
  'without its end': (stream) => stream.subarray(0, -2),
  'without its end, padded': (stream) => Buffer.concat([stream.subarray(0, -2), Buffer.alloc(2)]),
  'with the spectral selection 0 to 0': (stream) => patched(stream, segmentOf(stream, 0xda).end - 2, 0),
  'with the spectral selection 1 to 5': (stream) => patched(stream, segmentOf(stream, 0xda).end - 3, 1, 5),
  'with a successive approximation': (stream) => patched(stream, segmentOf(stream, 0xda).end - 1, 0x21),
  'with another component id in its scan': (stream) => patched(stream, segmentOf(stream, 0xda).start + 5, 9),
  'with stray bytes between segments': (stream) => atScan(stream, Buffer.from([1, 2, 3])),
  'with zeros after its start': (stream) => insert(stream, segments(stream)[0]?.end ?? 2, Buffer.alloc(4)),
  'with a metadata segment longer than the file': (stream) =>
    insert(stream, 2, Buffer.from([0xff, 0xe5, 0xff, 0xff, 1, 2, 3])),
  'with a metadata segment of no length': (stream) => insert(stream, 2, Buffer.from([0xff, 0xe5, 0, 0, 1, 2])),
  'with a comment that is longer than it says': (stream) =>
    insert(stream, 2, Buffer.from([0xff, 0xfe, 0, 4, 65, 66, 67])),
  'with a restart interval and no restart marker': (stream) => atScan(stream, dri(7)),
  'with two starts': (stream) => insert(stream, 2, Buffer.from([0xff, 0xd8])),
};

const scanOf = (stream: Buffer) => segmentOf(stream, 0xda).end;
const middle = (stream: Buffer) => (scanOf(stream) + stream.length) >> 1;

/** Damage: refused as damaged. */
const damaging: Record<string, Mutation> = {
  'cut in its scan': (stream) => stream.subarray(0, middle(stream)),
  'cut in its scan, with an end': (stream) => Buffer.concat([stream.subarray(0, middle(stream)), end]),
  'cut near its end': (stream) => stream.subarray(0, -12),
  'cut near its end, with an end': (stream) => Buffer.concat([stream.subarray(0, -12), end]),
  'without 40 bytes of its scan': (stream) => cut(stream, middle(stream), middle(stream) + 40),
  'with zeros in its scan': (stream) => Buffer.from(stream).fill(0, middle(stream), middle(stream) + 60),
  'with ones in its scan': (stream) => Buffer.from(stream).fill(0xff, middle(stream), middle(stream) + 60),
  'with a part of its scan twice': (stream) =>
    insert(stream, middle(stream), stream.subarray(middle(stream) - 100, middle(stream))),
  'with a marker in its scan': (stream) => patched(stream, middle(stream), 0xff, 0xc8),
  'with a line more than it has': (stream) => patched(stream, segmentOf(stream, 0xc0).start + 5, 1, 0),
  'without its Huffman tables': (stream) => {
    const { start, end: to } = segmentOf(stream, 0xc4);
    return cut(stream, start, to);
  },
  'without its quantisation table': (stream) => {
    const { start, end: to } = segmentOf(stream, 0xdb);
    return cut(stream, start, to);
  },
  'without a frame header': (stream) => {
    const { start, end: to } = segmentOf(stream, 0xc0);
    return cut(stream, start, to);
  },
  'without a scan': (stream) => Buffer.concat([stream.subarray(0, segmentOf(stream, 0xda).start), end]),
  'with two scans': (stream) => beforeEnd(stream, ...stream.subarray(segmentOf(stream, 0xda).start, -2)),
};

/** The same for a stream with restart markers every {@link mcusPerRestart} MCUs. */
const restartingHarmless: Record<string, Mutation> = {
  'with restart markers and no interval': (restarting) => {
    const { start, end: to } = segmentOf(restarting, 0xdd);
    return cut(restarting, start, to);
  },
  'with another interval than its restart markers': (restarting) =>
    patched(restarting, segmentOf(restarting, 0xdd).end - 1, mcusPerRestart + 3),
  'with restart markers numbered wrongly': (restarting) =>
    restarts(restarting).reduce((stream, at) => patched(stream, at + 1, 0xd3), restarting),
  'with stray bytes before a restart marker': (restarting) =>
    insert(restarting, restarts(restarting)[1] ?? 0, Buffer.from([0, 0, 0])),
};

const restartingDamaging: Record<string, Mutation> = {
  'without a part between restart markers': (restarting) => {
    const [, second = 0, third = 0] = restarts(restarting);
    return cut(restarting, second, third);
  },
  'without a restart marker': (restarting) => {
    const [, second = 0] = restarts(restarting);
    return cut(restarting, second, second + 2);
  },
};

const film = await chest({ columns, rows, bits: 8 });
const plain = await jpeg({ width: columns, height: rows, bits: 8, bands: 1, values: film.values });
const restarting = readFileSync('test/decode/restarts.jpg');

type Case = readonly [name: string, stream: Buffer, sound: Buffer];
const cases = (mutations: Record<string, Mutation>, sound: Buffer) =>
  Object.entries(mutations).map(([name, mutate]): Case => [name, mutate(sound), sound]);

/** The pixels of a valid stream, from a codec without the checks. */
const reference = async (sound: Buffer) => new Uint8Array(await sharp(sound).toColourspace('b-w').raw().toBuffer());

const hasPixels = ({ film }: Decoded, pixels: Uint8Array) => Buffer.compare(new Uint8Array(film.pixels), pixels) === 0;

/** The stream as a JPEG file and in a DICOM instance. */
const byRoute = (stream: Buffer) =>
  [
    ['image/jpeg', stream],
    ['application/dicom', inDicom(stream)],
    ['application/dicom, in fragments', inDicom(stream, baseline, 3)],
  ] as const;

describe('a JPEG stream has the same result as a file and in a DICOM instance', () => {
  test.each([...cases(legal, plain), ...cases({ 'with restart markers': (sound) => sound }, restarting)])(
    'read: %s',
    async (_, stream, sound) => {
      const pixels = await reference(sound);
      for (const [route, file] of byRoute(stream)) {
        const read = unwrap(await decode(file, route.split(',')[0] ?? ''));
        expect(hasPixels(read, pixels), route).toBe(true);
        expect(codes(read), route).toEqual([]);
      }
    },
  );

  test.each([...cases(harmless, plain), ...cases(restartingHarmless, restarting)])(
    'read with a warning: %s',
    async (_, stream, sound) => {
      const pixels = await reference(sound);
      for (const [route, file] of byRoute(stream)) {
        const read = unwrap(await decode(file, route.split(',')[0] ?? ''));
        expect(hasPixels(read, pixels), route).toBe(true);
        expect(codes(read), route).toEqual(['stream_repaired']);
      }
    },
  );

  test.each([...cases(damaging, plain), ...cases(restartingDamaging, restarting)])('refused: %s', async (_, stream) => {
    for (const [route, file] of byRoute(stream))
      expect(faultOf(await decode(file, route.split(',')[0] ?? '')).code, route).toBe('corrupt_image');
  });

  test('a progressive stream is read in both containers, and refused without its last scan', async () => {
    const stream = await jpeg(
      { width: columns, height: rows, bits: 8, bands: 1, values: film.values },
      { progressive: true },
    );
    const pixels = await reference(stream);
    const file = unwrap(await decode(stream, 'image/jpeg'));
    const instance = unwrap(await decode(inDicom(stream), 'application/dicom'));
    for (const read of [file, instance]) expect(hasPixels(read, pixels)).toBe(true);
    expect([codes(file), codes(instance)]).toEqual([[], ['progressive_jpeg']]);
    const lastScan = stream.lastIndexOf(Buffer.from([0xff, 0xda]));
    const short = Buffer.concat([stream.subarray(0, lastScan), end]);
    for (const bytes of [short, inDicom(short), stream.subarray(0, -12), inDicom(stream.subarray(0, -12))])
      expect(faultOf(await decode(bytes, '')).code).toBe('corrupt_image');
  });

  test('a progressive stream with stray bytes before its end is repaired in both containers, or refused in both', async () => {
    const stream = await jpeg(
      { width: columns, height: rows, bits: 8, bands: 1, values: film.values },
      { progressive: true },
    );
    const pixels = await reference(stream);
    for (const zeros of [12, 512]) {
      const padded = beforeEnd(stream, ...new Uint8Array(zeros));
      const read = [unwrap(await decode(padded, 'image/jpeg')), unwrap(await decode(inDicom(padded), ''))];
      for (const each of read) expect(hasPixels(each, pixels)).toBe(true);
      expect(read.map(codes)).toEqual([['stream_repaired'], ['stream_repaired', 'progressive_jpeg']]);
    }
    for (const stray of [[1, 2, 3], Array.from({ length: 40 }, (_, i) => i + 1)]) {
      const odd = beforeEnd(stream, ...stray);
      const [file, instance] = [await decode(odd, 'image/jpeg'), await decode(inDicom(odd), '')];
      expect(file.ok).toBe(instance.ok);
    }
  });

  test('a frame that is larger than any film is refused by its size before its codes are decoded', async () => {
    const huge = patched(plain, segmentOf(plain, 0xc0).start + 5, 0xff, 0, 0xff, 0);
    expect(faultOf(await decode(huge, 'image/jpeg')).code).toBe('too_many_pixels');
    expect(faultOf(await decode(inDicom(huge), '')).code).toBe('corrupt_image');
  });

  test('single flipped bits in a scan', async () => {
    const at = scanOf(plain);
    const step = Math.floor((plain.length - at) / 120);
    const verdicts = { read: 0, refused: 0 };
    for (let i = at; i < plain.length - 2; i += step) {
      const stream = patched(plain, i, (plain[i] ?? 0) ^ (1 << (i % 8)));
      const [file, instance] = [await decode(stream, 'image/jpeg'), await decode(inDicom(stream), 'application/dicom')];
      expect(file.ok, `byte ${i}`).toBe(instance.ok);
      if (file.ok && instance.ok) {
        expect(same(file.value.film, instance.value.film)).toBe(true);
        expect(hasPixels(file.value, await reference(stream)), `byte ${i}`).toBe(true);
      }
      verdicts[file.ok ? 'read' : 'refused']++;
    }
    // Huffman codes have no checksum: damage that keeps all codes valid is invisible. This holds for 24 of these.
    expect(verdicts.refused).toBeGreaterThanOrEqual(20);
    expect(verdicts.read).toBeGreaterThan(0);
  });
});

describe('a colour JPEG file with gray channels', () => {
  const rgb = async (chromaSubsampling: '4:2:0' | '4:4:4') =>
    sharp(Buffer.from(spread(ramp(columns, rows), 3).values), { raw: { width: columns, height: rows, channels: 3 } })
      .jpeg({ quality: 95, chromaSubsampling })
      .toBuffer();

  test.each(['4:2:0', '4:4:4'] as const)('is checked in MCUs of %s', async (sampling) => {
    const sound = await rgb(sampling);
    const { film: expected } = unwrap(await decode(sound, 'image/jpeg'));
    const padded = unwrap(await decode(beforeEnd(sound, 0, 0, 0), 'image/jpeg'));
    expect(padded.film).toEqual(expected);
    expect(codes(padded)).toEqual(['stream_repaired']);
    expect(faultOf(await decode(cut(sound, middle(sound), middle(sound) + 9), 'image/jpeg')).code).toBe(
      'corrupt_image',
    );
  });
});

describe.skipIf(!has('dcmcjpeg', 'dcmcjpls', 'opj_compress'))(
  `streams that occur only in DICOM instances (${install})`,
  () => {
    const deep = chest({ columns, rows, bits: 12 });
    const streamIn = (file: Buffer<ArrayBuffer>) => {
      const { fragments } = subject('stream', file);
      return Buffer.from(file.subarray(fragments[0]?.value, fragments[0]?.end));
    };
    const streams = {
      'JPEG extended, 12 bits': '4.51',
      'JPEG lossless, predictor 5': '4.57',
      'JPEG lossless, first-order prediction': '4.70',
      'JPEG-LS lossless': '4.80',
    } as const;
    const names = Object.keys(streams) as (keyof typeof streams)[];

    /** A stream without the padding byte of its fragment. */
    const streamOf = async (name: keyof typeof streams) => {
      const stream = streamIn(encoder(name).encode(await deep));
      return stream.subarray(0, stream.lastIndexOf(end) + 2);
    };

    test.each(names)('%s: zeros before its end, a missing end and stray bytes', async (name) => {
      const syntax = `1.2.840.10008.1.2.${streams[name]}`;
      const sound = await streamOf(name);
      const expected = unwrap(await decode(inDicom(sound, syntax, 1, 12), ''));
      expect(codes(expected)).toEqual([]);
      const repairable = [
        beforeEnd(sound, 0),
        beforeEnd(sound, 0, 0, 0, 0),
        sound.subarray(0, -2),
        atScan(sound, Buffer.from([7, 7])),
      ];
      for (const [i, stream] of repairable.entries()) {
        const read = unwrap(await decode(inDicom(stream, syntax, 1, 12), ''));
        expect(same(read.film, expected.film), `${i}`).toBe(true);
        expect(codes(read), `${i}`).toEqual(['stream_repaired']);
      }
      for (const damaged of [
        cut(sound, middle(sound), middle(sound) + 300),
        sound.subarray(0, -9),
        Buffer.concat([sound.subarray(0, -9), end]),
      ])
        expect(faultOf(await decode(inDicom(damaged, syntax, 1, 12), '')).code).toBe('corrupt_image');
    });

    test('JPEG-LS with explicit parameters (LSE)', async () => {
      const sound = await streamOf('JPEG-LS lossless');
      const expected = unwrap(await decode(inDicom(sound, '1.2.840.10008.1.2.4.80', 1, 12), ''));
      // T.87, C.2.4.1.1: the defaults of 12 bits.
      const words = [4095, 18, 67, 276, 64].flatMap((word) => [word >> 8, word & 0xff]);
      const presets = segment(0xf8, Buffer.from([1, ...words]));
      const read = unwrap(await decode(inDicom(atScan(sound, presets), '1.2.840.10008.1.2.4.80', 1, 12), ''));
      expect(read).toEqual(expected);
    });

    test.each(names)('%s is not a supported JPEG file, and not reported as damaged', async (name) => {
      expect(faultOf(await decode(await streamOf(name), 'image/jpeg'))).toEqual({
        code: 'unsupported_jpeg',
        process: expect.stringMatching(/^(extended sequential|lossless|JPEG-LS), 1[26] bits$/),
      });
    });

    test('arithmetic coding is named in both containers', async () => {
      const { start } = segmentOf(plain, 0xc0);
      for (const marker of [0xc9, 0xca]) {
        const arithmetic = patched(plain, start + 1, marker);
        for (const [route, file] of byRoute(arithmetic))
          expect(faultOf(await decode(file, '')), route).toEqual({
            code: 'unsupported_jpeg',
            process: expect.stringContaining('arithmetic'),
          });
      }
    });

    test('JPEG 2000 with bytes after its end, with and without a length of its last tile-part', async () => {
      const sound = openJpeg(await deep, []);
      const syntax = '1.2.840.10008.1.2.4.90';
      const expected = unwrap(await decode(inDicom(sound, syntax, 1, 12), ''));
      const open = Buffer.from(sound);
      // T.800, A.4.2: Psot, which is 0 if the tile-part continues to the end.
      open.writeUInt32BE(0, open.indexOf(Buffer.from([0xff, 0x90])) + 6);
      for (const stream of [sound, open])
        for (const padding of [0, 1, 2, 700].map((length) => Buffer.alloc(length))) {
          const read = unwrap(await decode(inDicom(Buffer.concat([stream, padding]), syntax, 1, 12), ''));
          expect(read).toEqual(expected);
        }
      const endless = unwrap(await decode(inDicom(sound.subarray(0, -2), syntax, 1, 12), ''));
      expect(endless.film).toEqual(expected.film);
      expect(codes(endless)).toEqual(['stream_repaired']);
      expect(faultOf(await decode(sound, 'image/jpeg'))).toEqual({
        code: 'unsupported_image_format',
        found: 'JPEG 2000',
      });
    });

    test('a stream with the label of another codec is decoded by its bytes with a warning', async () => {
      const sound = {
        jpeg: [plain, '4.90', 8],
        jpegLs: [await streamOf('JPEG-LS lossless'), '4.70', 12],
        lossless: [await streamOf('JPEG lossless, first-order prediction'), '4.80', 12],
        jpeg2000: [openJpeg(await deep, []), '4.50', 12],
      } as const;
      for (const [name, [bytes, label, bits]] of Object.entries(sound)) {
        const read = unwrap(await decode(inDicom(bytes, `1.2.840.10008.1.2.${label}`, 1, bits), ''));
        expect(codes(read), name).toEqual(['transfer_syntax_mismatch']);
      }
    });

    test('a stream of no codec is refused as mislabelled', async () => {
      const png = await sharp(plain).png().toBuffer();
      expect(faultOf(await decode(inDicom(png), ''))).toEqual({
        code: 'mislabelled_stream',
        transferSyntax: 'JPEG Baseline (Process 1)',
        found: 'image/png',
      });
    });
  },
);
