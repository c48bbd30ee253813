import { describe, expect, test } from 'vitest';
import { inspect, inspectBeginning } from '../../../../functions/decode/dicom/inspect.ts';
import { type Dataset, merge } from '../../../support/dicom/element.ts';
import type { Stored } from '../../../support/dicom/film.ts';
import { chestDataset, text } from '../../../support/dicom/instance.ts';
import { part10, transferSyntaxes } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { faultOf, unwrap } from '../../../support/family.ts';

const side = 128;
const film: Stored = {
  ...{ columns: side, rows: side, bits: 8, signed: false },
  values: Int32Array.from({ length: side * side }, (_, i) => Math.imul(Math.imul(i, i ^ 0x5bd1), 0x9e37_79b1) >>> 24),
};
const fragments = [new Uint8Array(0), new Uint8Array(5000).fill(1), new Uint8Array(3001).fill(2)];
const encapsulated = merge(chestDataset(film), [{ tag: tags.PixelData, vr: 'OB', fragments }]);
const rle = { transferSyntax: '1.2.840.10008.1.2.5' };

const files: readonly [string, Uint8Array, string][] = [
  ...([transferSyntaxes.implicitLittle, transferSyntaxes.explicitLittle, transferSyntaxes.explicitBig] as const).map(
    (transferSyntax) =>
      [transferSyntax, new Uint8Array(part10(chestDataset(film), { transferSyntax })), 'native'] as [
        string,
        Uint8Array,
        string,
      ],
  ),
  ['no preamble', new Uint8Array(part10(chestDataset(film), { preamble: false })), 'native'],
  ['in fragments', new Uint8Array(part10(encapsulated, rle)), 'encapsulated'],
];

describe('the beginning of a file', () => {
  test.each(files)('%s: gives exactly the known attributes', (_, bytes, kind) => {
    const whole = unwrap(inspectBeginning(bytes, true));
    expect(whole).toEqual({ instance: unwrap(inspect(bytes)) });
    let begun = false;
    for (let length = 140; length < bytes.length; length += length < bytes.length - 20_000 ? 1 : 97) {
      const found = inspectBeginning(bytes.subarray(0, length), false);
      // Once the pixel data has begun, all attributes are known.
      if (begun || found.ok) expect(unwrap(found)).toMatchObject({ ...whole, pixels: { kind } });
      else expect(faultOf(found).code).toMatch(/^(corrupt_image|not_an_image)$/);
      begun ||= found.ok;
    }
    expect(begun).toBe(true);
    const { pixels } = unwrap(inspectBeginning(bytes.subarray(0, bytes.length - 1), false));
    if (pixels?.kind === 'native') expect(pixels.end).toBe(bytes.length);
    if (pixels?.kind === 'encapsulated') {
      const at = bytes.subarray(pixels.items, pixels.items + 4);
      expect([...at]).toEqual([0xfe, 0xff, 0x00, 0xe0]);
    }
  });

  test('that is deflated gives all attributes that can be inflated', () => {
    const bytes = new Uint8Array(part10(chestDataset(film), { transferSyntax: transferSyntaxes.deflated }));
    expect(faultOf(inspectBeginning(bytes.subarray(0, 400), false)).code).toBe('corrupt_image');
    expect(unwrap(inspectBeginning(bytes.subarray(0, bytes.length - 2000), false))).toEqual({
      instance: unwrap(inspect(bytes)),
      pixels: { kind: 'deflated' },
    });
  });

  test.each<[string, Dataset, string]>([
    ['a lateral', [text(tags.ViewPosition, 'CS', 'LL')], 'not_frontal_view'],
    ['a report', [text(tags.SOPClassUID, 'UI', '1.2.840.10008.5.1.4.1.1.88.33')], 'unsupported_sop_class'],
    ['an own object', [text(tags.Manufacturer, 'LO', 'Alara')], 'own_object'],
  ])('%s is refused by name, though the pixels have not begun', (_, changes, code) => {
    const large: Dataset = [{ tag: 0x0029_1010, vr: 'OB', value: new Uint8Array(100_000) }];
    const bytes = new Uint8Array(part10(merge(chestDataset(film, changes), large)));
    expect(faultOf(inspectBeginning(bytes.subarray(0, 50_000), false)).code).toBe(code);
  });

  test('distinguishes words from fragments by their bytes, whatever is declared', () => {
    const words = new Uint8Array(part10(chestDataset(film), rle));
    const items = new Uint8Array(part10(encapsulated));
    const kindOf = (bytes: Uint8Array) =>
      unwrap(inspectBeginning(bytes.subarray(0, bytes.length - 100), false)).pixels?.kind;
    expect(kindOf(words)).toBe('native');
    expect(kindOf(items)).toBe('encapsulated');
  });
});
