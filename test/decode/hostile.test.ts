import { crc32, deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../functions/core/fault.ts';
import { decode } from '../../functions/decode/decode.ts';
import { unwrap } from '../support/family.ts';
import {
  chunk,
  deep,
  exif,
  exifSegment,
  jpeg,
  phantom,
  png,
  pngSignature,
  ramp,
  spread,
  withSegments,
} from '../support/image-files.ts';

const film = phantom(132, 130);

/** The result of some work, and its processor time in milliseconds, threads of libvips included. */
async function timed<Value>(work: () => Promise<Value>): Promise<{ value: Value; ms: number }> {
  const start = process.cpuUsage();
  const value = await work();
  const { user, system } = process.cpuUsage(start);
  return { value, ms: (user + system) / 1000 };
}

describe('data outside the pixels can neither inflate nor block', () => {
  test('256 MB of zeros in a text or a profile', async () => {
    const zeros = deflateSync(Buffer.alloc(256_000_000), { level: 1 });
    const before = [
      chunk('zTXt', Buffer.concat([Buffer.from('k\0\0'), zeros])),
      chunk('iTXt', Buffer.concat([Buffer.from('k\0\x01\0\0\0'), zeros])),
      chunk('iCCP', Buffer.concat([Buffer.from('k\0\0'), zeros])),
    ];
    const file = png(film, { before, after: before });
    const rss = process.memoryUsage().rss;
    const { value, ms } = await timed(() => decode(file, 'image/png'));
    expect(unwrap(value).film.width).toBe(132);
    expect(ms).toBeLessThan(1000);
    expect(process.memoryUsage().rss - rss).toBeLessThan(100_000_000);
  });

  test('cyclic EXIF directories', async () => {
    const pointers = [0x8769, 0x8825, 0xa005];
    const loop = exif(Array.from({ length: 50 }, (_, i) => [pointers[i % 3] ?? 0, 4, 1, 8] as const));
    for (const [file, mediaType] of [
      [png(film, { before: [chunk('eXIf', loop)] }), 'image/png'],
      [withSegments(await jpeg(ramp()), exifSegment(loop)), 'image/jpeg'],
    ] as const) {
      const { value, ms } = await timed(() => decode(file, mediaType));
      expect(value.ok).toBe(true);
      expect(ms).toBeLessThan(1000);
    }
  });

  test('pixels that continue after the last line', async () => {
    const lines = Buffer.concat([Buffer.alloc(130 * 133), Buffer.alloc(256_000_000)]);
    const file = png(film);
    const surplus = Buffer.concat([
      file.subarray(0, file.indexOf('IDAT', 'latin1') - 4),
      chunk('IDAT', deflateSync(lines, { level: 1 })),
      chunk('IEND'),
    ]);
    const { ms } = await timed(() => decode(surplus, 'image/png'));
    expect(ms).toBeLessThan(1000);
  });
});

describe('a damaged file gives a film or a fault, in little time and memory', () => {
  const known: readonly Fault['code'][] = [
    'corrupt_image',
    'unsupported_jpeg',
    'unsupported_image_format',
    'packed_file',
    'not_an_image',
    'media_type_mismatch',
    'empty_body',
    'too_small',
    'too_many_pixels',
    'colour_image',
  ];
  let seeds: readonly Buffer[] = [];
  beforeAll(async () => {
    seeds = [
      png(film),
      png(deep(film)),
      png(spread(film, 4, 255)),
      png(film, {
        palette: Uint8Array.from({ length: 768 }, (_, i) => i / 3),
        before: [chunk('tRNS', Buffer.alloc(9, 200))],
      }),
      png(film, { before: [chunk('eXIf', exif([[0x0112, 3, 1, 6]])), chunk('gAMA', Buffer.from([0, 0, 1, 0]))] }),
      await jpeg(film),
      await jpeg(spread(film, 3), { progressive: true }),
      withSegments(await jpeg(film, { progressive: true }), exifSegment(exif([[0x0112, 3, 1, 8]]))),
    ];
  });

  const at = fc.nat({ max: 1_000_000 });
  // Damage near the start hits headers and tables, which are a small part of a file.
  const early = fc.nat({ max: 400 });
  const damage = fc.array(
    fc.record({
      kind: fc.constantFrom('set', 'flip', 'insert', 'remove', 'repeat', 'cut'),
      at: fc.oneof(early, at),
      length: fc.integer({ min: 1, max: 40 }),
      byte: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    }),
    { minLength: 1, maxLength: 6 },
  );
  type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

  function damaged(file: Buffer, marks: Damage): Buffer {
    let bytes = Buffer.from(file);
    for (const { kind, at: where, length, byte } of marks) {
      const from = where % bytes.length;
      const [head, tail] = [bytes.subarray(0, from), bytes.subarray(from)];
      if (kind === 'set') bytes[from] = byte;
      if (kind === 'flip') bytes[from] = (bytes[from] ?? 0) ^ (1 << (byte % 8));
      if (kind === 'insert') bytes = Buffer.concat([head, Buffer.alloc(length, byte), tail]);
      if (kind === 'remove' && tail.length > length) bytes = Buffer.concat([head, tail.subarray(length)]);
      if (kind === 'repeat') bytes = Buffer.concat([head, tail.subarray(0, 8 * length), tail]);
      if (kind === 'cut' && byte > 0x80) bytes = Buffer.from(head.length > 0 ? head : tail);
    }
    return bytes;
  }

  /** Correct the checksums, so that the damage reaches the data behind them. */
  function repaired(bytes: Buffer): Buffer {
    if (!bytes.subarray(0, 8).equals(pngSignature)) return bytes;
    for (let start = 8; start + 12 <= bytes.length; ) {
      const end = start + 12 + bytes.readUInt32BE(start);
      if (end > bytes.length) break;
      bytes.writeUInt32BE(crc32(bytes.subarray(start + 4, end - 4)), end - 4);
      start = end;
    }
    return bytes;
  }

  test('for 5000 files', async () => {
    const rss = process.memoryUsage().rss;
    let slowest = 0;
    let films = 0;
    let faults = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 7 }), damage, fc.boolean(), async (which, marks, repair) => {
        const seed = seeds[which] ?? Buffer.alloc(0);
        const bytes = repair ? repaired(damaged(seed, marks)) : damaged(seed, marks);
        const { value, ms } = await timed(() => decode(bytes, which < 5 ? 'image/png' : 'image/jpeg'));
        slowest = Math.max(slowest, ms);
        if (value.ok) {
          const { width, height, pixels } = value.value.film;
          expect(Math.min(width, height)).toBeGreaterThanOrEqual(128);
          expect(pixels.length).toBe(width * height);
          films++;
        } else {
          expect(known).toContain(value.fault.code);
          faults++;
        }
      }),
      { seed: 20_261_123, numRuns: 5000 },
    );
    expect(slowest).toBeLessThan(3000);
    expect(process.memoryUsage().rss - rss).toBeLessThan(300_000_000);
    // Both must occur often. Otherwise the damage is too heavy or too light for a test.
    expect(Math.min(films, faults)).toBeGreaterThan(100);
  });
});
