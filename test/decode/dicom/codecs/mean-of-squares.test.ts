import { describe, expect, test } from 'vitest';
import type { Decoded } from '../../../../functions/core/film.ts';
import { px } from '../../../../functions/core/units.ts';
import { meanOfSquares } from '../../../../functions/decode/dicom/codecs/mean-of-squares.ts';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { filmDigest } from '../../../../functions/decode/film-digest.ts';
import { oversampling } from '../../../../functions/decode/halving.ts';
import { decoded, same } from '../../../support/dicom/compare.ts';
import type { Element } from '../../../support/dicom/element.ts';
import { encoder } from '../../../support/dicom/encoders.ts';
import { random, type Stored } from '../../../support/dicom/film.ts';
import { chestDataset, short, text, voiLut } from '../../../support/dicom/instance.ts';
import { part10 } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { has, install } from '../../../support/dicom/tools.ts';
import { unwrap } from '../../../support/family.ts';

const size = { width: px(603), height: px(541) };
/** Noise: every value differs from its neighbours. */
function noise(bits: number): Stored {
  const next = random(bits);
  const values = Int32Array.from({ length: size.width * size.height }, () => Math.floor(next() * 2 ** bits));
  return { columns: size.width, rows: size.height, bits, signed: false, values };
}
/** The longer side of a model for which a film of this size is halved once. */
const once = Math.floor(302 / oversampling);
const atSide = async (file: Uint8Array, longSide?: number): Promise<Decoded> =>
  unwrap(await decodeDicom(new Uint8Array(file), longSide === undefined ? {} : { sides: [px(longSide)] }));
const digestOf = ({ film, source }: Decoded) => filmDigest(film, source);

/** The rounded mean of the values at up to four positions. */
function meanAt({ columns, rows, values }: Stored, x: number, y: number): number {
  const at = [0, 1, 2, 3].map((i) => [2 * x + (i % 2), 2 * y + (i >> 1)] as const);
  const square = at.filter(([column, row]) => column < columns && row < rows);
  const sum = square.reduce((total, [column, row]) => total + (values[row * columns + column] ?? 0), 0);
  return Math.floor(sum / square.length + 0.5);
}

function halvedFilm(film: Stored): Stored {
  const [columns, rows] = [Math.ceil(film.columns / 2), Math.ceil(film.rows / 2)];
  const values = Int32Array.from({ length: columns * rows }, (_, i) =>
    meanAt(film, i % columns, Math.floor(i / columns)),
  );
  return { ...film, columns, rows, values };
}

describe('the mean of squares', () => {
  test.each([8, 12, 16])('of %i bits is rounded, also at odd edges', (bits) => {
    const film = noise(bits);
    const words = bits > 8 ? Uint16Array.from(film.values) : Uint8Array.from(film.values);
    const means = meanOfSquares(words, size, bits);
    expect(
      Buffer.compare(Buffer.from(Int32Array.from(means ?? []).buffer), Buffer.from(halvedFilm(film).values.buffer)),
    ).toBe(0);
  });

  test('is undefined if any word has bits above the stored ones', () => {
    const words = Uint16Array.from(noise(12).values);
    words[words.length - 1] = 4096;
    expect(meanOfSquares(words, size, 12)).toBeUndefined();
  });
});

describe('an uncompressed film for a small model', () => {
  test.each([8, 12, 16])('of %i bits is halved as often as the model allows', async (bits) => {
    const film = noise(bits);
    const file = part10(chestDataset(film));
    for (const [longSide, expected] of [
      [once + 1, film],
      [once, halvedFilm(film)],
      [Math.floor(151 / oversampling), halvedFilm(halvedFilm(film))],
    ] as const) {
      const found = await atSide(file, longSide);
      const { pixels } = (await decoded(part10(chestDataset(expected)))).film;
      expect(Buffer.compare(Buffer.from(found.film.pixels), Buffer.from(pixels)), String(longSide)).toBe(0);
      expect(found.fullSize).toEqual(expected === film ? undefined : size);
      expect(digestOf(found)).toBe(digestOf(await atSide(file)));
    }
  });

  const twelve = noise(12);
  const words = (of: (value: number, i: number) => number): Element => ({
    tag: tags.PixelData,
    vr: 'OW',
    value: new Uint8Array(Uint16Array.from(twelve.values, of).buffer),
  });
  const noWindow = [text(tags.WindowCenter, 'DS', ''), text(tags.WindowWidth, 'DS', '')];
  test.each<[string, Element[]]>([
    ['has a padding value', [short(tags.PixelPaddingValue, 0)]],
    ['has an overlay in the bits above', [words((value, i) => value | ((i % 2) << 15))]],
    ['has its bits higher in the word', [words((value) => value << 4), short(tags.HighBit, 15)]],
    ['is signed', [short(tags.PixelRepresentation, 1)]],
    ['has a VOI LUT', [...voiLut(twelve, Math.sqrt)]],
    ['has a sigmoid window', [text(tags.VOILUTFunction, 'CS', 'SIGMOID')]],
    ['has no window, so its pixels decide', noWindow],
    ['has an unusable window', [text(tags.WindowWidth, 'DS', '0')]],
    [
      'has a window that shows a single gray',
      [text(tags.WindowCenter, 'DS', '60000'), text(tags.WindowWidth, 'DS', '10')],
    ],
  ])('is decoded in full size if it %s', async (_, changes) => {
    const file = part10(chestDataset(twelve, changes));
    const found = await atSide(file, once);
    expect(found.fullSize).toBeUndefined();
    expect(same(found.film, (await atSide(file)).film)).toBe(true);
    expect(found.warnings).toEqual((await atSide(file)).warnings);
  });

  test('of 8 bits needs no window', async () => {
    expect((await atSide(part10(chestDataset(noise(8), noWindow)), once)).fullSize).toEqual(size);
  });
});

test.skipIf(!has('dcmconv', 'dcmcrle', 'dcmcjpeg', 'dcmcjpls', 'opj_compress', 'ojph_compress'))(
  `a lossless encoding changes neither the digest nor the halved film (${install})`,
  async () => {
    const film = noise(12);
    const plain = await atSide(part10(chestDataset(film)), once);
    for (const name of [
      'deflated',
      'RLE',
      'JPEG lossless, predictor 1',
      'JPEG-LS lossless',
      'JPEG 2000 lossless',
      'HTJ2K lossless',
    ]) {
      const found = await atSide(encoder(name).encode(film), once);
      expect(digestOf(found), name).toBe(digestOf(plain));
      expect(same(found.film, plain.film), name).toBe(true);
    }
  },
);
