import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeGrayPng } from '../../functions/decode/gray-png.ts';
import { chunk, deep, header, phantom, png, pngSignature, type Raster, spread } from '../support/image-files.ts';

type Parts = { readonly film: Pick<Raster, 'width' | 'height' | 'bits' | 'bands'>; readonly lines: Uint8Array };

/** A PNG file from filtered scan lines. */
const fromLines = ({ film, lines }: Parts) =>
  Buffer.concat([pngSignature, header(film), chunk('IDAT', deflateSync(lines)), chunk('IEND')]);

/** Random scan lines. Any bytes are valid filtered data; the filter types are 0 to 4. */
const filteredLines = fc
  .record({
    width: fc.integer({ min: 128, max: 140 }),
    height: fc.integer({ min: 128, max: 140 }),
    bits: fc.constantFrom(8 as const, 16 as const),
    filters: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 140, maxLength: 140 }),
    bytes: fc.uint8Array({ minLength: 5000, maxLength: 9000 }),
  })
  .map(({ width, height, bits, filters, bytes }): Parts => {
    const line = 1 + (width * bits) / 8;
    const lines = Uint8Array.from({ length: line * height }, (_, i) =>
      i % line === 0 ? (filters[i / line] ?? 0) : (bytes[i % bytes.length] ?? 0),
    );
    return { film: { width, height, bits, bands: 1 }, lines };
  });

/** The pixels of libvips, as bytes. */
const byLibvips = (file: Buffer, bits: number) =>
  sharp(file)
    .toColourspace(bits === 16 ? 'grey16' : 'b-w')
    .raw({ depth: bits === 16 ? 'ushort' : 'uchar' })
    .toBuffer();

const bytesOf = (file: Uint8Array) => {
  const film = decodeGrayPng(file);
  return film && Buffer.from(film.pixels.buffer, film.pixels.byteOffset, film.pixels.byteLength);
};

describe('decodeGrayPng', () => {
  test('returns the pixels that libvips returns, for every filter and both depths', async () => {
    await fc.assert(
      fc.asyncProperty(filteredLines, async (parts) => {
        const file = fromLines(parts);
        expect(bytesOf(file)?.equals(await byLibvips(file, parts.film.bits))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test.each(['00000442_000.png', '00003272_000.png', 'derived_16bit.png', 'derived_crop_1024x800.png'])(
    'returns the pixels that libvips returns for %s',
    async (name) => {
      const file = readFileSync(`test/films/${name}`);
      const { depth } = await sharp(file).metadata();
      expect(bytesOf(file)?.equals(await byLibvips(file, depth === 'ushort' ? 16 : 8))).toBe(true);
    },
  );

  test('joins the pixels of several chunks and skips metadata', () => {
    const film = phantom();
    const plain = png(film, { before: [chunk('tEXt', Buffer.from('a\0b'))], after: [chunk('tIME', Buffer.alloc(7))] });
    const at = plain.indexOf('IDAT');
    const data = plain.subarray(at + 4, at + 4 + plain.readUInt32BE(at - 4));
    const split = [data.subarray(0, 100), data.subarray(100)].map((part) => chunk('IDAT', part));
    const file = Buffer.concat([pngSignature, header(film), ...split, chunk('IEND'), Buffer.from('trailing')]);
    expect(bytesOf(file)).toEqual(Buffer.from(film.values as Uint8Array));
    expect(bytesOf(plain)).toEqual(Buffer.from(film.values as Uint8Array));
  });

  const film = phantom();
  const lines = (height = film.height) =>
    Uint8Array.from({ length: (film.width + 1) * height }, (_, i) => (i % (film.width + 1) === 0 ? 0 : i & 255));
  const changed = (file: Buffer, at: number) => {
    const copy = Buffer.from(file);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const compressed = deflateSync(lines());
  const ofData = (data: Uint8Array) => Buffer.concat([pngSignature, header(film), chunk('IDAT', data), chunk('IEND')]);
  const whole = png(film);

  test.each<[string, Buffer]>([
    ['colour', png(spread(film, 3))],
    ['alpha', png(spread(film, 2, 255))],
    ['a palette', png({ ...film, bits: 8 }, { palette: Buffer.alloc(768) })],
    ['transparency', png(film, { before: [chunk('tRNS', Buffer.from([0, 1]))] })],
    ['an orientation', png(film, { before: [chunk('eXIf', Buffer.alloc(8))] })],
    ['an animation', png(film, { before: [chunk('acTL', Buffer.alloc(8))] })],
    ['four bits', png({ ...film, bits: 4, values: Array.from(film.values, (value) => value >> 4) })],
    ['interlacing', Buffer.concat([pngSignature, interlaced(header(film)), whole.subarray(33)])],
    ['an unknown chunk that a decoder must know', png(film, { before: [chunk('ABCD')] })],
    ['a wrong checksum of the header', changed(whole, 30)],
    ['a wrong checksum of the pixels', changed(whole, whole.length - 13)],
    ['damaged pixels', changed(whole, 60)],
    ['no end', whole.subarray(0, -12)],
    ['a truncated end', whole.subarray(0, -1)],
    ['too many rows', ofData(deflateSync(lines(film.height + 1)))],
    ['too few rows', ofData(deflateSync(lines(film.height - 1)))],
    ['bytes after the compressed data', ofData(Buffer.concat([compressed, Buffer.from('x')]))],
    ['compressed data without its end', ofData(compressed.subarray(0, -5))],
    ['an unknown filter', fromLines({ film, lines: lines().fill(5, 0, 1) })],
    ['a side below the limit', png(phantom(127, 140))],
  ])('leaves %s to libvips', (_, file) => {
    expect(decodeGrayPng(file)).toBeUndefined();
  });

  test('keeps 16 bits', () => {
    const pixels = decodeGrayPng(png(deep(film)))?.pixels;
    expect(pixels).toEqual(Uint16Array.from(film.values, (value) => value * 257));
  });
});

/** A header that declares Adam7 interlacing. */
function interlaced(plain: Buffer): Buffer {
  const data = Buffer.from(plain.subarray(8, -4));
  data[12] = 1;
  return chunk('IHDR', data);
}
