import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decode } from '../../functions/decode/decode.ts';
import { faultOf, unwrap } from '../support/family.ts';
import {
  chunk,
  deep,
  exif,
  exifSegment,
  header,
  hollow,
  jpeg,
  opened,
  phantom,
  png,
  pngSignature,
  type Raster,
  ramp,
  segment,
  spread,
  withSegments,
} from '../support/image-files.ts';

const readPng = async (bytes: Uint8Array) => unwrap(await decode(bytes, 'image/png')).film;
const readJpeg = async (bytes: Uint8Array) => unwrap(await decode(bytes, 'image/jpeg')).film;
const refusePng = async (bytes: Uint8Array) => faultOf(await decode(bytes, 'image/png'));
const refuseJpeg = async (bytes: Uint8Array) => faultOf(await decode(bytes, 'image/jpeg'));

const film = phantom();
const pixels = Uint8Array.from(film.values);
const deepPixels = Uint16Array.from(film.values, (value) => value * 257);
const grays = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

describe('an 8-bit gray film has the same pixels in every storage form', () => {
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    ['gray', () => png(film)],
    ['gray with opaque alpha', () => png(spread(film, 2, 255))],
    ['RGB', () => png(spread(film, 3))],
    ['RGBA', () => png(spread(film, 4, 255))],
    ['palette', () => png(film, { palette: grays })],
    ['interlaced gray', () => opened(film).toColourspace('b-w').png({ progressive: true }).toBuffer()],
    ['interlaced RGB', () => opened(spread(film, 3)).png({ progressive: true }).toBuffer()],
    [
      'filtered and in many IDAT chunks',
      () => opened(film).toColourspace('b-w').png({ adaptiveFiltering: true }).toBuffer(),
    ],
  ])('%s', async (_, file) => {
    expect(await readPng(await file())).toEqual({ width: 160, height: 140, pixels });
  });
});

describe('a 16-bit film keeps all its values', () => {
  const all: Raster = {
    width: 256,
    height: 256,
    bits: 16,
    bands: 1,
    values: Uint16Array.from({ length: 65_536 }, (_, i) => i),
  };
  test.each<[string, Raster]>([
    ['gray', all],
    ['gray with opaque alpha', spread(all, 2, 65_535)],
    ['RGB', spread(all, 3)],
    ['RGBA', spread(all, 4, 65_535)],
  ])('%s', async (_, raster) => {
    expect(await readPng(png(raster))).toEqual({ width: 256, height: 256, pixels: all.values });
  });

  test('has 257 times the values of the same film in 8 bits', async () => {
    expect((await readPng(png(deep(film)))).pixels).toEqual(deepPixels);
    expect((await readPng(png(deep(spread(film, 4, 255))))).pixels).toEqual(deepPixels);
  });
});

test.each([1, 2, 4] as const)('%i bits per pixel are scaled to the full range', async (bits) => {
  const top = 2 ** bits - 1;
  const coarse = { ...film, bits, values: Array.from(film.values, (value) => value >> (8 - bits)) };
  const expected = Uint8Array.from(coarse.values, (value) => (255 * value) / top);
  expect((await readPng(png(coarse))).pixels).toEqual(expected);
  const palette = Uint8Array.from({ length: 3 * (top + 1) }, (_, i) => (255 * Math.floor(i / 3)) / top);
  expect((await readPng(png(coarse, { palette }))).pixels).toEqual(expected);
});

test('transparent pixels become black, and half transparent pixels half as bright', async () => {
  const flat: Raster = { width: 128, height: 128, bits: 8, bands: 1, values: Array<number>(128 * 128).fill(200) };
  const shades = async (raster: Raster) => new Set((await readPng(png(raster))).pixels);
  for (const bands of [2, 4] as const) {
    expect(await shades(spread(flat, bands, 0))).toEqual(new Set([0]));
    expect(await shades(spread(flat, bands, 51))).toEqual(new Set([40]));
    expect(await shades(deep(spread(flat, bands, 51)))).toEqual(new Set([40 * 257]));
  }
  const transparent = png(flat, { before: [chunk('tRNS', Buffer.from([0, 200]))] });
  expect(new Set((await readPng(transparent)).pixels)).toEqual(new Set([0]));
});

describe('a JPEG', () => {
  const smooth = ramp();
  const expectNear = (actual: ArrayLike<number>, expected: ArrayLike<number>) => {
    const off = Array.from(actual, (value, i) => Math.abs(value - (expected[i] ?? Number.NaN)));
    expect(Math.max(...off)).toBeLessThanOrEqual(2);
  };

  test.each<[string, () => Promise<Buffer>]>([
    ['gray', () => jpeg(smooth)],
    ['RGB', () => jpeg(spread(smooth, 3))],
    ['progressive gray', () => jpeg(smooth, { progressive: true })],
    ['progressive RGB', () => jpeg(spread(smooth, 3), { progressive: true })],
  ])('%s is read', async (_, file) => {
    const { width, height, pixels: actual } = await readJpeg(await file());
    expect([width, height]).toEqual([160, 140]);
    expectNear(actual, smooth.values);
  });

  test('may contain a thumbnail, comments, fill bytes and another file behind its end', async () => {
    const file = await jpeg(smooth);
    const thumbnail = exifSegment(Buffer.concat([exif([[0x0201, 4, 1, 26]]), await jpeg(ramp(32, 32))]));
    const comment = Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xfe, 0, 7]), Buffer.from('hello')]);
    const dressed = Buffer.concat([withSegments(file, thumbnail, comment), file, Buffer.from('and text')]);
    expect(await readJpeg(dressed)).toEqual(await readJpeg(file));
  });
});

describe('EXIF orientation is applied', () => {
  const { width: w, height: h, values } = film;
  // EXIF 2.32, 4.6.4 A, Orientation: the stored position of the upright pixel x, y.
  const stored: Record<number, (x: number, y: number) => [number, number]> = {
    1: (x, y) => [x, y],
    2: (x, y) => [w - 1 - x, y],
    3: (x, y) => [w - 1 - x, h - 1 - y],
    4: (x, y) => [x, h - 1 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [y, h - 1 - x],
    7: (x, y) => [w - 1 - y, h - 1 - x],
    8: (x, y) => [w - 1 - y, x],
  };
  const turned = (orientation: number) => {
    const [width, height] = orientation < 5 ? [w, h] : [h, w];
    const expected = Uint8Array.from({ length: w * h }, (_, i) => {
      const [x, y] = stored[orientation]?.(i % width, Math.floor(i / width)) ?? [0, 0];
      return values[y * w + x] ?? 0;
    });
    return { width, height, pixels: expected };
  };

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('%i', async (orientation) => {
    const block = exif([
      [0x010f, 2, 4, 0],
      [0x0112, 3, 1, orientation],
    ]);
    const eXIf = chunk('eXIf', block);
    expect(await readPng(png(film, { before: [eXIf] }))).toEqual(turned(orientation));
    expect(await readPng(png(spread(film, 4, 255), { after: [eXIf] }))).toEqual(turned(orientation));
    // sharp rotates the pixels of a JPEG by the same tag.
    const file = withSegments(await jpeg(film), exifSegment(block));
    const reference = await sharp(file).autoOrient().toColourspace('b-w').raw().toBuffer();
    expect(Buffer.compare(Buffer.from((await readJpeg(file)).pixels), reference)).toBe(0);
    // A private segment of an editor, without an orientation, changes nothing.
    const edited = withSegments(await jpeg(film), exifSegment(block), exifSegment(exif([[0x010f, 2, 4, 0]])));
    expect(Buffer.compare(Buffer.from((await readJpeg(edited)).pixels), reference)).toBe(0);
  });
});

test('text, colour profiles, gamma, animation and trailing bytes do not change the pixels', async () => {
  const { icc } = await sharp(await opened(spread(film, 3)).withIccProfile('cmyk').jpeg().toBuffer()).metadata();
  const before = [
    chunk('gAMA', Buffer.from([0, 1, 0x86, 0xa0])),
    chunk('cHRM', Buffer.alloc(32, 1)),
    chunk('iCCP', Buffer.concat([Buffer.from('x\0\0', 'latin1'), deflateSync(icc ?? Buffer.alloc(0))])),
    chunk('tEXt', Buffer.from('Comment\0hello', 'latin1')),
    chunk('pHYs', Buffer.from([0, 0, 1, 0, 0, 0, 2, 0, 1])),
    chunk('acTL', Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])),
  ];
  for (const raster of [film, spread(film, 3), spread(film, 4, 255)]) {
    const file = Buffer.concat([png(raster, { before }), Buffer.from('more')]);
    expect((await readPng(file)).pixels).toEqual(pixels);
  }
});

test('an animated PNG is read as its default image, with a warning', async () => {
  const file = png(film, { before: [chunk('acTL', Buffer.from([0, 0, 0, 3, 0, 0, 0, 0]))] });
  const { film: read, warnings } = unwrap(await decode(file, 'image/png'));
  expect(read.pixels).toEqual(pixels);
  expect(warnings).toMatchObject([{ code: 'animated_png', found: '3' }]);
});

describe('a file that is not a film is refused by name', () => {
  test('an empty body', async () => {
    expect(await refusePng(new Uint8Array(0))).toEqual({ code: 'empty_body' });
  });

  test('text named .png', async () => {
    expect(await refusePng(Buffer.from('hello'))).toEqual({ code: 'not_an_image', declared: 'image/png' });
  });

  test('a film smaller than 128 pixels, on either side', async () => {
    expect(await refusePng(png(phantom(20, 20)))).toEqual({ code: 'too_small', shortSide: 20, floor: 128 });
    expect(await refusePng(png(phantom(300, 127)))).toEqual({ code: 'too_small', shortSide: 127, floor: 128 });
    expect(await readPng(png(phantom(128, 128)))).toMatchObject({ width: 128, height: 128 });
  });

  test('a header of zero by anything', async () => {
    for (const [width, height] of [
      [0, 0],
      [0, 200],
      [200, 0],
    ] as const)
      expect(await refusePng(hollow({ width, height, bits: 8, bands: 1 }))).toEqual({
        code: 'corrupt_image',
        problem: 'the header of the file is damaged',
      });
  });

  test('a decompression bomb: few bytes that declare, or really inflate to, 30 000 × 30 000 pixels', async () => {
    const claim = { width: 30_000, height: 30_000, bits: 1, bands: 1 } as const;
    const refused = { code: 'too_many_pixels', width: 30_000, height: 30_000, limit: 64_000_000 };
    const zeros = deflateSync(Buffer.alloc(30_000 * (1 + 30_000 / 8)), { level: 1 });
    const real = Buffer.concat([pngSignature, header(claim), chunk('IDAT', zeros), chunk('IEND')]);
    const before = process.memoryUsage().rss;
    expect(await refusePng(hollow(claim))).toEqual(refused);
    expect(await refusePng(real)).toEqual(refused);
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
  });

  test('an image with bands that take more memory than the largest film, for any number of pixels', async () => {
    expect(await refusePng(hollow({ width: 6001, height: 4000, bits: 16, bands: 4 }))).toEqual({
      code: 'too_many_pixels',
      width: 6001,
      height: 4000,
      limit: 24_000_000,
    });
    expect(await refusePng(hollow({ width: 6000, height: 4000, bits: 16, bands: 4 }))).toMatchObject({
      code: 'corrupt_image',
    });
  });

  test('a colour photograph, in 8 and 16 bits', async () => {
    const values = Array.from({ length: 200 * 150 }, (_, i) => {
      const [x, y] = [(i % 200) / 200, i / 200 / 150];
      return [90 + 80 * y, 110 + 60 * Math.sin(6 * x), 200 - 120 * y];
    }).flat();
    const sunset: Raster = { width: 200, height: 150, bits: 8, bands: 3, values: values.map(Math.round) };
    for (const fault of [
      await refusePng(png(sunset)),
      await refusePng(png(deep(sunset))),
      await refuseJpeg(await jpeg(sunset)),
    ]) {
      expect(fault).toMatchObject({ code: 'colour_image' });
      expect(fault).toHaveProperty('problem', expect.stringMatching(/^the colour channels differ by \d+\.\d %/));
    }
  });

  test('accepts a gray film with a small coloured marker', async () => {
    const values = Array.from(spread(film, 3).values);
    for (let y = 4; y < 16; y++) for (let x = 4; x < 28; x++) values.splice(3 * (160 * y + x), 3, 255, 0, 0);
    const marked = await readPng(png({ ...film, bands: 3, values }));
    const off = marked.pixels.filter((value, i) => value !== pixels[i]);
    expect(off.length).toBeLessThanOrEqual(12 * 24);
  });

  test('refuses a toned scan, and accepts one with the faint tint of a lamp', async () => {
    const toned = (blue: number): Raster => ({
      ...film,
      bands: 3,
      values: Array.from(film.values).flatMap((value) => [value, value, Math.round(blue * value)]),
    });
    expect(await refusePng(png(toned(0.94)))).toMatchObject({ code: 'colour_image' });
    expect(await readPng(png(toned(0.97)))).toMatchObject({ width: 160, height: 140 });
  });

  test('CMYK and YCCK, the colour spaces of print', async () => {
    const cmyk = await opened(spread(film, 3)).toColourspace('cmyk').jpeg().toBuffer();
    const refused = { code: 'colour_image', problem: 'the colour space is cmyk, neither gray nor RGB' };
    expect(await refuseJpeg(cmyk)).toEqual(refused);
    // Adobe Technical Note 5116: the last byte of the segment is the transform, 2 for YCCK.
    const ycck = Buffer.from(cmyk);
    ycck[ycck.indexOf('Adobe', 'latin1') + 11] = 2;
    expect(await refuseJpeg(ycck)).toEqual(refused);
  });
});

describe('a damaged file is refused as a whole', () => {
  const file = png(film);
  const idat = file.indexOf('IDAT', 'latin1');
  const flipped = (bytes: Uint8Array, at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 0x55;
    return copy;
  };
  /** The file with other pixel data and a correct checksum. */
  const withData = (bytes: Uint8Array) =>
    Buffer.concat([file.subarray(0, idat - 4), chunk('IDAT', bytes), chunk('IEND')]);
  const lines = Buffer.alloc(140 * 161, 7);

  test.each<[string, Uint8Array]>([
    ['cut in half', file.subarray(0, file.length / 2)],
    ['cut inside its last chunk of pixels', file.subarray(0, -20)],
    ['with a wrong checksum over its pixels', flipped(file, file.length - 13)],
    ['with a wrong checksum over its header', flipped(file, 30)],
    ['with a flipped bit in its pixels', flipped(file, idat + 200)],
    ['with an unknown filter', withData(deflateSync(lines))],
    ['with too few lines', withData(deflateSync(lines.fill(0).subarray(0, 100 * 161)))],
    ['with pixels that do not inflate', withData(Buffer.alloc(500, 0xaa))],
    ['without pixels', Buffer.concat([file.subarray(0, idat - 4), chunk('IEND')])],
    ['with an unknown critical chunk', png(film, { before: [chunk('ABCD')] })],
    ['with a missing palette', Buffer.concat([pngSignature, header(film, true), file.subarray(idat - 4)])],
    ['that is only a signature', pngSignature],
  ])('a PNG %s', async (_, bytes) => {
    expect(await refusePng(bytes)).toMatchObject({ code: 'corrupt_image', problem: expect.stringMatching(/^.+$/) });
  });

  test.each([false, true])('a JPEG, progressive: %s', async (progressive) => {
    const whole = await jpeg(phantom(256, 256), { progressive });
    const half = whole.subarray(0, whole.length / 2);
    const end = Buffer.from([0xff, 0xd9]);
    const sof = whole.indexOf(Buffer.from([0xff, progressive ? 0xc2 : 0xc0]));
    const lying = Buffer.from(whole);
    lying.writeUInt16BE(2000, sof + 5);
    const damaged = {
      half,
      'half, with an end put on': Buffer.concat([half, end]),
      'claiming more lines than it has': lying,
      'only a start': whole.subarray(0, 3),
      'cut inside a segment': whole.subarray(0, 60),
      'without a scan': Buffer.concat([whole.subarray(0, 2), end, end]),
    };
    for (const [name, bytes] of Object.entries(damaged))
      expect(await refuseJpeg(bytes), name).toMatchObject({ code: 'corrupt_image' });
    const harmless = {
      'without its end': whole.subarray(0, -2),
      'with bytes between its segments': withSegments(whole, segment(0xfe, Buffer.from('text')), Buffer.alloc(9)),
    };
    for (const [name, bytes] of Object.entries(harmless)) {
      const { film, warnings } = unwrap(await decode(bytes, 'image/jpeg'));
      expect(film, name).toEqual(await readJpeg(whole));
      expect(warnings, name).toEqual([{ code: 'stream_repaired', message: expect.any(String) }]);
    }
  });

  test('damage outside the pixels is harmless', async () => {
    const text = png(film, { before: [chunk('tEXt', Buffer.from('Comment\0hello', 'latin1'))] });
    expect((await readPng(flipped(text, text.indexOf('hello')))).pixels).toEqual(pixels);
    expect((await readPng(file.subarray(0, -12))).pixels).toEqual(pixels);
  });
});
