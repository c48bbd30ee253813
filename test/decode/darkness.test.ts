import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decode } from '../../functions/decode/decode.ts';
import { unwrap } from '../support/family.ts';
import { png, type Raster } from '../support/image-files.ts';

const films = [
  '00000100_000.png',
  '00000442_000.png',
  '00003272_000.png',
  'nih_00000442_000.jpg',
  'nih_00003272_000.jpg',
  'derived_16bit.png',
  'derived_crop_1024x800.png',
  'derived_exif6.jpg',
];

/** A film with values that fill the given number of bits of a 16-bit PNG, optionally with a burned-in marker. */
async function holding(bits: number, marker = 0): Promise<Buffer> {
  const side = 300;
  const gray = await sharp('test/films/00000442_000.png')
    .flatten({ background: 'black' })
    .toColourspace('b-w')
    .resize(side, side)
    .raw()
    .toBuffer();
  const values = Uint16Array.from(gray, (value) => Math.round((value / 255) * (2 ** bits - 1)));
  for (let y = 0; y < marker; y++) values.fill(65_535, y * side, y * side + marker);
  const raster: Raster = { width: side, height: side, bits: 16, bands: 1, values };
  return png(raster);
}

const codes = async (file: Uint8Array, mediaType = 'image/png') =>
  (unwrap(await decode(file, mediaType)).warnings ?? []).map(({ code }) => code);

describe('a film that uses a small part of its range', () => {
  test.each([9, 10, 11, 12, 13, 14, 15])('is flagged if it uses %i of 16 bits', async (bits) => {
    expect(await codes(await holding(bits))).toEqual(['dark_film']);
  });

  test('is flagged although a marker on it is white', async () => {
    expect(await codes(await holding(14, 40))).toEqual(['dark_film']);
  });

  test('reports its brightness', async () => {
    const [warning] = unwrap(await decode(await holding(14), 'image/png')).warnings ?? [];
    expect(Number.parseFloat(warning?.found ?? '')).toBeGreaterThan(10);
    expect(Number.parseFloat(warning?.found ?? '')).toBeLessThanOrEqual(25);
  });

  test('is flagged in 8 bits as well', async () => {
    const dark = await sharp('test/films/00000442_000.png').toColourspace('b-w').linear(0.4, 0).png().toBuffer();
    expect(await codes(dark)).toEqual(['dark_film']);
    expect(await codes(await sharp(dark).jpeg().toBuffer(), 'image/jpeg')).toEqual(['dark_film']);
  });
});

test('a film that uses its range is not flagged', async () => {
  expect(await codes(await holding(16))).toEqual([]);
  for (const name of films) {
    const file = readFileSync(`test/films/${name}`);
    expect(await codes(file, name.endsWith('png') ? 'image/png' : 'image/jpeg'), name).toEqual([]);
  }
});
