import { expect, test } from 'vitest';
import { px } from '../../../../functions/core/units.ts';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { resize } from '../../../../functions/decode/resize.ts';
import { decoded, same } from '../../../support/dicom/compare.ts';
import type { Dataset } from '../../../support/dicom/element.ts';
import type { Stored } from '../../../support/dicom/film.ts';
import { chestDataset, text } from '../../../support/dicom/instance.ts';
import { part10 } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { faultOf } from '../../../support/family.ts';

const pixelAspectRatio = 0x0028_0034;
const pixelSpacing = 0x0028_0030;
const [width, height] = [140, 130];
/** A film in which all neighbouring pixels differ. */
const grayAt = (x: number, y: number) => (x * 13 + y * 31 + ((x * y) >> 3)) % 4096;
const film = (columns: number, rows: number, at: (x: number, y: number) => number): Stored => ({
  columns,
  rows,
  bits: 12,
  signed: false,
  values: Int32Array.from({ length: columns * rows }, (_, i) => at(i % columns, Math.floor(i / columns))),
});
const upright = film(width, height, grayAt);
const oriented = (orientation: string) => text(tags.PatientOrientation, 'CS', orientation);
const read = (stored: Stored, ...changes: readonly Dataset[]) => decoded(part10(chestDataset(stored, ...changes)));
const refuse = async (...changes: readonly Dataset[]) =>
  faultOf(await decodeDicom(part10(chestDataset(upright, ...changes))));

/** The offset of a stored pixel to the patient's left and downwards, from the directions of its row and column. */
const along: Record<string, (step: number) => { left?: number; down?: number }> = {
  L: (step) => ({ left: step }),
  R: (step) => ({ left: width - 1 - step }),
  F: (step) => ({ down: step }),
  H: (step) => ({ down: height - 1 - step }),
};

test.each(['L\\F', 'R\\F', 'L\\H', 'R\\H', 'F\\L', 'F\\R', 'H\\L', 'H\\R'])(
  'a film with orientation %s is rotated upright',
  async (orientation) => {
    const [row = '', column = ''] = orientation.split('\\');
    const [columns, rows] = 'LR'.includes(row) ? [width, height] : [height, width];
    const stored = film(columns, rows, (x, y) => {
      const { left = 0, down = 0 } = { ...along[row]?.(x), ...along[column]?.(y) };
      return grayAt(left, down);
    });
    const turned = await read(stored, [oriented(orientation)]);
    expect(same(turned.film, (await read(upright)).film)).toBe(true);
    expect(turned.dicom?.view.turned).toBe(
      orientation === 'L\\F' ? undefined : `from ${orientation} to L\\F by Patient Orientation`,
    );
    // Results in the study refer to the image as it is stored.
    expect(turned.dicom?.instance).toMatchObject({ rows, columns });
  },
);

test.each(['', 'L', 'F\\F', 'L\\R', 'X\\Y', '\\F', 'l\\f'])('%o is not a usable orientation', async (orientation) => {
  const { film, dicom } = await read(upright, [oriented(orientation)]);
  expect(same(film, (await read(upright)).film)).toBe(true);
  expect(dicom?.view.turned).toBeUndefined();
});

test('the first letter of an oblique direction decides', async () => {
  const mirrored = film(width, height, (x, y) => grayAt(width - 1 - x, y));
  expect(same((await read(mirrored, [oriented('RF\\FR')])).film, (await read(upright)).film)).toBe(true);
});

test.each<[string, Dataset, number, number]>([
  ['Imager Pixel Spacing, rows first', [text(tags.ImagerPixelSpacing, 'DS', '0.2\\0.1')], width, 2 * height],
  ['and its columns', [text(tags.ImagerPixelSpacing, 'DS', '0.1\\0.15')], 210, height],
  ['Pixel Aspect Ratio before it', [text(pixelAspectRatio, 'IS', '3\\2')], width, 195],
  ['Pixel Spacing', [text(tags.ImagerPixelSpacing, 'DS', ''), text(pixelSpacing, 'DS', '0.3\\0.2')], width, 195],
  [
    'nothing for a ratio within one per cent of 1',
    [text(tags.ImagerPixelSpacing, 'DS', '0.1430\\0.1442')],
    width,
    height,
  ],
  ['nothing for zeros', [text(tags.ImagerPixelSpacing, 'DS', '0.000\\0.000')], width, height],
])('pixels are resampled to squares by %s', async (_, spacing, columns, rows) => {
  const { film } = await read(upright, spacing);
  const square = (await read(upright)).film;
  expect(same(film, await resize(square, { width: px(columns), height: px(rows) }))).toBe(true);
});

test('pixels are resampled to squares before the film is rotated', async () => {
  const { film } = await read(upright, [oriented('F\\L'), text(tags.ImagerPixelSpacing, 'DS', '0.2\\0.1')]);
  expect([film.width, film.height]).toEqual([2 * height, width]);
});

test('an aspect ratio that no detector has is an error in the header', async () => {
  expect(await refuse([text(tags.ImagerPixelSpacing, 'DS', '1\\5')])).toEqual({
    code: 'unusable_header',
    problem: 'the pixel aspect ratio by Imager Pixel Spacing (0018,1164) is 0.20, outside the range of 0.25 to 4',
  });
});

// PS3.3, C.7.6.3.1.7: the ratio is for films without a spacing, so a present ratio is intended. DCMTK does the same.
test('a stated ratio has priority over contradicting spacings', async () => {
  const { film } = await read(upright, [
    text(pixelAspectRatio, 'IS', '1\\1'),
    text(tags.ImagerPixelSpacing, 'DS', '0.2\\0.1'),
  ]);
  expect([film.width, film.height]).toEqual([width, height]);
});
