import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { contain, type Film } from '../../functions/core/film.ts';
import { px } from '../../functions/core/units.ts';
import { decodeDicom } from '../../functions/decode/dicom/decode.ts';
import { resize } from '../../functions/decode/resize.ts';
import { shrinkFilm, shrinkFor, shrinkOf } from '../../functions/decode/shrink.ts';
import { same } from '../support/dicom/compare.ts';
import type { Element } from '../support/dicom/element.ts';
import { chestDataset, text } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { tags } from '../support/dicom/tags.ts';
import { unwrap } from '../support/family.ts';

const size = (width: number, height: number) => ({ width: px(width), height: px(height) });

/** Waves with noise, over the full range. */
function film(width: number, height: number): Film & { readonly pixels: Uint16Array } {
  let state = 1;
  const pixels = Uint16Array.from({ length: width * height }, (_, i) => {
    state = (state * 48_271) % 2_147_483_647;
    const wave = Math.sin((i % width) / 97) * Math.cos(Math.floor(i / width) / 53);
    return Math.max(0, Math.min(65_535, 32_768 + 24_000 * wave + (state % 24_000) - 12_000));
  });
  return { ...size(width, height), pixels };
}

async function byLibvips({ width, height, pixels }: Film, target: { width: number; height: number }) {
  const { data } = await sharp(pixels, { raw: { width, height, channels: 1 } })
    .resize({ ...target, fit: 'fill', kernel: 'lanczos3' })
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  return new Uint16Array(Uint8Array.from(data).buffer);
}

const mostDifferent = (a: Film['pixels'], b: Film['pixels']) =>
  Array.from(a).reduce((most, gray, i) => Math.max(most, Math.abs(gray - (b[i] ?? Number.NaN))), 0);

describe('a 16-bit film', () => {
  test.each([
    [1250, 1528, 256, 2],
    [1536, 1536, 256, 3],
    [2048, 1024, 256, 4],
    [1280, 1600, 160, 5],
    // The squares of 3 do not divide this film.
    [1250, 1528, 240, 1],
    [600, 541, 320, 1],
  ])(
    'of %i × %i px for %i px is averaged in squares of %i px, as libvips does',
    async (width, height, side, shrink) => {
      const given = film(width, height);
      const target = contain(given, px(side));
      expect(shrinkOf(given, target)).toBe(shrink);
      const resized = await resize(given, target);
      expect(resized).toMatchObject(target);
      expect(mostDifferent(resized.pixels, await byLibvips(given, target))).toBeLessThanOrEqual(10);
    },
  );

  test.each([2, 3, 5])('is averaged in squares of %i px with rounding', (shrink) => {
    const given = film(60, 30);
    const { width, height, pixels } = shrinkFilm(given, shrink);
    expect({ width, height }).toEqual(size(60 / shrink, 30 / shrink));
    const meanAt = (column: number, row: number) => {
      let sum = 0;
      for (let y = 0; y < shrink; y++)
        for (let x = 0; x < shrink; x++)
          sum += given.pixels[(row * shrink + y) * 60 + column * shrink + x] ?? Number.NaN;
      return Math.round(sum / shrink ** 2);
    };
    expect([...pixels]).toEqual(Array.from(pixels, (_, i) => meanAt(i % (60 / shrink), Math.floor(i / (60 / shrink)))));
  });
});

test('a film with saturated edges differs from that of libvips only at these edges', async () => {
  const given = film(1250, 1528);
  // White beside black: the kernel overshoots, and libvips clips between its passes.
  for (let i = 0; i < given.pixels.length; i++) given.pixels[i] = i % 1250 > (i / 1250) * 0.7 ? 65_535 : 0;
  const target = contain(given, px(256));
  const [ours, theirs] = [(await resize(given, target)).pixels, await byLibvips(given, target)];
  expect(mostDifferent(ours, theirs)).toBeLessThanOrEqual(2000);
  const different = Array.from(ours).filter((gray, i) => Math.abs(gray - (theirs[i] ?? Number.NaN)) > 10);
  expect(different.length).toBeLessThan(0.03 * ours.length);
});

describe('a DICOM film for one model', () => {
  const stored = {
    columns: 1024,
    rows: 1024,
    bits: 12,
    signed: false,
    values: Int32Array.from(film(1024, 1024).pixels, (gray) => gray >> 4),
  };
  // With a sigmoid window, stored values are not averaged.
  const sigmoid = text(tags.VOILUTFunction, 'CS', 'SIGMOID');
  const decoded = async (changes: Element[], sides?: number[]) =>
    unwrap(
      await decodeDicom(part10(chestDataset(stored, [sigmoid, ...changes])), sides ? { sides: sides.map(px) } : {}),
    );

  test('is shrunk if its pixels are square, and tells its full size', async () => {
    const { film, fullSize } = await decoded([], [128]);
    expect({ ...film, pixels: undefined }).toEqual({ ...size(256, 256), pixels: undefined });
    expect(fullSize).toEqual(size(1024, 1024));
  });

  test.each(['0.2\\0.1', '0.1\\0.4'])('is not shrunk if the spacing of its pixels is %s', async (spacing) => {
    const aspect = [text(tags.ImagerPixelSpacing, 'DS', spacing)];
    const found = await decoded(aspect, [128]);
    expect(found.fullSize).toBeUndefined();
    expect(same(found.film, (await decoded(aspect)).film)).toBe(true);
  });
});

describe('a film for several models', () => {
  const whole = size(2500, 3056);
  test.each([
    [[512], 2],
    // 256 px keeps six times its side.
    [[256, 512], 2],
    // 448 px would get other pixels: libvips averages squares of 3 px for this model.
    [[448, 512], 1],
    [[448], 1],
  ])('of the sides %j is shrunk by %i', (sides, shrink) => {
    expect(shrinkFor(whole, whole, sides.map(px))).toBe(shrink);
  });

  test('that was decoded at half its size is shrunk less', () => {
    expect(shrinkFor(size(1250, 1528), whole, [px(256)])).toBe(2);
    expect(shrinkFor(size(1250, 1528), whole, [px(512)])).toBe(1);
  });
});
