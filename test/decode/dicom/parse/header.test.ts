import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { inspect } from '../../../../functions/decode/dicom/inspect.ts';
import { parseHeader } from '../../../../functions/decode/dicom/parse/header.ts';
import { sniff } from '../../../../functions/decode/sniff.ts';
import { decoded, same } from '../../../support/dicom/compare.ts';
import {
  delimiter,
  type Element,
  encode,
  explicitLittle,
  head,
  merge,
  undefinedLength,
  without,
} from '../../../support/dicom/element.ts';
import type { Stored } from '../../../support/dicom/film.ts';
import { chestDataset, text } from '../../../support/dicom/instance.ts';
import { type FileOptions, part10, transferSyntaxes, wrap } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { faultOf, unwrap } from '../../../support/family.ts';
import { film as pacsFilm } from '../../../support/pacs/films.ts';

const film: Stored = {
  columns: 130,
  rows: 128,
  bits: 12,
  signed: false,
  values: Int32Array.from({ length: 130 * 128 }, (_, i) => (i * 7) % 4096),
};
const dataset = chestDataset(film);
const pixels = merge(dataset).filter(({ tag }) => tag === tags.PixelData);
const headed = (...elements: Element[]) => encode(merge(without(dataset, tags.PixelData), elements), explicitLittle);
const refuse = async (bytes: Uint8Array) => faultOf(await decodeDicom(bytes));
const whole = await decoded(part10(dataset));

describe('a film is read from', () => {
  const { implicitLittle, explicitBig, deflated } = transferSyntaxes;
  test.each<[string, FileOptions]>([
    ['a file without a preamble', { preamble: false }],
    ['a preamble and no meta group', { meta: false }],
    ['a preamble and no meta group, implicit', { meta: false, transferSyntax: implicitLittle }],
    ['a preamble and no meta group, big endian', { meta: false, transferSyntax: explicitBig }],
    ['a bare data set, explicit', { preamble: false, meta: false }],
    ['a bare data set, implicit', { preamble: false, meta: false, transferSyntax: implicitLittle }],
    ['a bare data set, big endian', { preamble: false, meta: false, transferSyntax: explicitBig }],
    ['implicit little endian without a preamble', { preamble: false, transferSyntax: implicitLittle }],
    ['big endian', { transferSyntax: explicitBig }],
    ['a deflated data set', { transferSyntax: deflated }],
  ])('%s', async (_, options) => {
    const bytes = part10(dataset, options);
    expect(sniff(bytes)).toBe('application/dicom');
    const { film, dicom } = await decoded(bytes);
    expect(same(film, whole.film)).toBe(true);
    expect(dicom?.instance).toEqual(whole.dicom?.instance);
    expect(dicom?.view.transferSyntax).toBe(options.transferSyntax ?? transferSyntaxes.explicitLittle);
  });

  test.each<[string, Buffer]>([
    [
      'a value representation unknown to the parser',
      headed({ tag: 0x7fe0_0001, vr: 'OV', value: Buffer.alloc(16, 1) }),
    ],
    [
      'an unknown sequence of undefined length',
      Buffer.concat([
        headed(),
        head(0x0051_1001, 'UN', undefinedLength, explicitLittle),
        // Implicit inside, independent of the encoding outside (PS3.5, 6.2.2, note 2).
        delimiter(0xfffe_e000, undefinedLength, explicitLittle),
        encode([text(tags.CodeValue, 'SH', 'ALARA')], { little: true, explicit: false }),
        delimiter(0xfffe_e00d, 0, explicitLittle),
        delimiter(0xfffe_e0dd, 0, explicitLittle),
      ]),
    ],
    [
      'private elements',
      headed(
        { tag: 0x0029_0010, vr: 'LO', value: 'ALARA TEST' },
        { tag: 0x0029_1001, vr: 'UN', value: Buffer.alloc(3000) },
      ),
    ],
    [
      'nested sequences of undefined length',
      headed({
        tag: tags.ReferencedImageSequence,
        vr: 'SQ',
        undefinedLength: true,
        items: [
          [
            {
              tag: tags.ReferencedImageSequence,
              vr: 'SQ',
              undefinedLength: true,
              items: [[], [text(tags.CodeValue, 'SH', '1')]],
            },
          ],
        ],
      }),
    ],
  ])('a file with %s', async (_, header) => {
    const bytes = wrap(dataset, Buffer.concat([header, encode(pixels, explicitLittle)]));
    expect(same((await decoded(bytes)).film, whole.film)).toBe(true);
  });

  test('a file with trailing data after its pixels', async () => {
    const trailing = { tag: 0xfffc_fffc, vr: 'OB', value: Buffer.alloc(200) };
    expect(same((await decoded(part10(merge(dataset, [trailing])))).film, whole.film)).toBe(true);
    expect(same((await decoded(Buffer.concat([part10(dataset), Buffer.alloc(100, 0x41)]))).film, whole.film)).toBe(
      true,
    );
  });

  test('bytes at any position of a larger buffer, and leaves the buffer unchanged', async () => {
    const file = part10(dataset, { transferSyntax: transferSyntaxes.explicitBig });
    const larger = new Uint8Array(file.length + 7);
    larger.set(file, 3);
    const copy = larger.slice();
    // Buffer.slice does not copy, unlike Uint8Array.slice.
    for (const at of [larger.subarray(3, 3 + file.length), Buffer.from(larger.buffer, 3, file.length)])
      expect(same(unwrap(await decodeDicom(at)).film, whole.film)).toBe(true);
    expect(larger).toEqual(copy);
  });
});

describe('refused as damaged', () => {
  test('a file that is truncated at any position', async () => {
    const bytes = part10(dataset);
    for (let length = 200; length < bytes.length - 1; length += 1 + Math.floor(length / 40)) {
      const cut = bytes.subarray(0, length);
      expect(await refuse(cut), `${length} bytes`).toMatchObject({
        code: expect.stringMatching(/^(corrupt_image|unsupported_sop_class)$/),
      });
    }
  });

  test('a data set that does not inflate, and one that inflates endlessly', async () => {
    const options = { transferSyntax: transferSyntaxes.deflated };
    expect(await refuse(wrap(dataset, Buffer.alloc(3000, 7), options))).toEqual({
      code: 'corrupt_image',
      problem: 'the deflated data set cannot be inflated',
    });
    const endless = deflateRawSync(Buffer.alloc(200_000_000), { level: 1 });
    expect(await refuse(wrap(dataset, endless, options))).toEqual({
      code: 'corrupt_image',
      problem: 'the inflated data set is larger than any film',
    });
  });

  test('fragments of an unknown compression under an uncompressed transfer syntax', async () => {
    const fragments = merge(dataset, [
      { tag: tags.PixelData, vr: 'OB', fragments: [new Uint8Array(0), new Uint8Array(64)] },
    ]);
    expect(await refuse(part10(fragments))).toMatchObject({
      code: 'unusable_header',
      problem: expect.stringContaining('is in fragments of no known compression'),
    });
  });

  test('more elements than any film has', async () => {
    const element = encode([{ tag: 0x0009_1001, vr: 'CS', value: 'A ' }], explicitLittle);
    const start = without(dataset, tags.PixelData).filter(({ tag }) => tag < 0x0009_0000);
    const many = Buffer.concat([encode(start, explicitLittle), ...Array<Buffer>(200_000).fill(element)]);
    expect(await refuse(wrap(dataset, many))).toEqual({ code: 'too_many_elements', limit: 500_000 });
    // DCMTK reads such a sequence. The refusal names the reason: the number of elements.
    const item = [text(0x0029_1011, 'LO', 'AB')];
    const privately = { tag: 0x0029_1010, vr: 'SQ', items: Array<typeof item>(80_000).fill(item) };
    expect(await refuse(part10(merge(dataset, [privately])))).toEqual({ code: 'too_many_elements', limit: 500_000 });
  });
});

test('the header is read without the pixels', async () => {
  const stream = Buffer.from('not a codestream, though of even length. ');
  const bytes = part10(merge(dataset, [{ tag: tags.PixelData, vr: 'OB', fragments: [new Uint8Array(0), stream] }]), {
    transferSyntax: '1.2.840.10008.1.2.4.90',
  });
  expect(unwrap(inspect(bytes))).toEqual(whole.dicom?.instance);
  expect(await refuse(bytes)).toMatchObject({ code: 'corrupt_image' });
});

describe('a wrong length', () => {
  const { implicitLittle } = transferSyntaxes;
  const reference = (tag: number): Element => ({
    tag,
    vr: 'SQ',
    items: [[text(0x0008_1150, 'UI', '1.2.3'), text(0x0008_1155, 'UI', '1.2.3.4')]],
  });
  const view: Element = { tag: 0x0008_2218, vr: 'SQ', items: [[text(0x0008_0100, 'SH', 'T-D3000')]] };

  // The first element of the item follows both heads. In the first sequence its tag ascends, in the second it does not.
  const heads = 16;
  const first = encode([reference(0x0008_1140)], { little: true, explicit: false }).length;
  test.each([
    ['a sequence', heads],
    ['a sequence and into the next', first + heads],
  ])('is refused if it reaches into %s', async (_, more) => {
    const description: Element = { tag: 0x0008_1030, vr: 'LO', value: 'Chest pa', length: 8 + more };
    const broken = merge(dataset, [description, reference(0x0008_1140), view]);
    expect(await refuse(part10(broken, { transferSyntax: implicitLittle }))).toEqual({
      code: 'unusable_header',
      problem: expect.stringMatching(/^the length of element \(0008,1030\) includes element \(0008,(1140|2218)\)$/),
    });
  });

  test.each([6, 10, 12, 30])('is reported at its own element: %d instead of 8', async (length) => {
    const named = merge(dataset, [{ tag: tags.PatientName, vr: 'PN', value: 'DOE^JANE', length }]);
    expect(await refuse(part10(named))).toMatchObject({
      code: 'unusable_header',
      problem: expect.stringContaining('(0010,0010)'),
    });
  });

  test('is accepted if only the padding byte is not counted, at every position', async () => {
    const named = merge(dataset, [{ tag: tags.PatientName, vr: 'PN', value: 'DOE^JAN', length: 7 }]);
    const film = await decoded(part10(named));
    expect(film.dicom?.instance.patient.name).toBe('DOE^JAN');
    expect(film.warnings?.map(({ code, attribute }) => [code, attribute])).toEqual([['odd_length', '(0010,0010)']]);
  });
});

describe('an element without a value representation', () => {
  const enc = (value: Uint8Array) =>
    Buffer.concat([head(0x0009_1001, 'OB', value.length, { little: true, explicit: false }), value]);
  test.each([
    ['bytes that resemble element heads', Uint8Array.from({ length: 64 }, (_, i) => i)],
    ['zeros', new Uint8Array(64)],
    ['text', new Uint8Array(64).fill(0x41)],
  ])('is read if it contains %s', async (_, value) => {
    const [before, after] = [
      dataset.filter(({ tag }) => tag < 0x0009_0000),
      dataset.filter(({ tag }) => tag > 0x0009_0000),
    ];
    const creator = text(0x0009_0010, 'LO', 'ACME');
    const body = Buffer.concat([
      encode(merge(before, [creator]), explicitLittle),
      enc(value),
      encode(merge(after), explicitLittle),
    ]);
    const film = await decoded(new Uint8Array(wrap(dataset, body, {})));
    expect(same(film.film, whole.film)).toBe(true);
    expect(film.dicom).toEqual(whole.dicom);
    expect(film.warnings?.map(({ attribute }) => attribute)).toEqual(['(0009,1001)']);
  });
});

test('entries of a lookup table that resemble an element are not parsed as one', async () => {
  const entries = [...Array.from({ length: 4092 }, (_, i) => 4095 - i), 0x0202, 0x0101, 0, 0];
  const table: Element = {
    tag: tags.VOILUTSequence,
    vr: 'SQ',
    items: [
      [
        { tag: tags.LUTDescriptor, vr: 'US', value: [4096, 0, 12] },
        { tag: tags.LUTData, vr: 'OW', value: entries },
      ],
    ],
  };
  const film = await decoded(part10(merge(dataset, [table]), { transferSyntax: transferSyntaxes.implicitLittle }));
  expect(film.dicom?.view.rendering).toContain('VOI LUT');
});

test('megabytes of private elements do not cause a refusal', async () => {
  const block = Buffer.from(Uint8Array.from({ length: 65_536 }, (_, i) => (i * i + (i >> 7)) % 251));
  const own = Array.from({ length: 100 }, (_, i): Element => ({ tag: 0x0029_1000 + i, vr: 'OB', value: block }));
  const film = await decoded(part10(merge(dataset, own), { transferSyntax: transferSyntaxes.implicitLittle }));
  expect(same(film.film, whole.film)).toBe(true);
});

test('a preamble alone is a truncated file', async () => {
  expect(await refuse(part10(dataset).subarray(0, 132))).toEqual({
    code: 'corrupt_image',
    problem: 'the file ends after the preamble',
  });
});

test('no value of a valid film is parsed as elements, at any position of its text', async () => {
  // "SENTAT" of FOR PRESENTATION looks like an element of VR AT, with a length that leads into the pixels.
  for (let i = 0; i < 400; i++) {
    const parsed = parseHeader(new Uint8Array(await pacsFilm(`by job${'x'.repeat(i % 20)}${i || ''}`)));
    expect(parsed.ok ? parsed.value.warnings : parsed.fault, String(i)).toEqual([]);
  }
});

describe('behind Pixel Data', () => {
  const name = text(tags.PatientName, 'PN', 'BEHIND^PIXELS');
  const padding: Element = { tag: 0xfffc_fffc, vr: 'OB', value: Buffer.alloc(64) };
  const behind = (...elements: Element[]) => {
    const before = without(dataset, tags.PatientName);
    return Buffer.concat([part10(before), ...elements.map((each) => encode([each], explicitLittle))]);
  };

  test('an element is read with a warning', async () => {
    const { film, dicom, warnings } = await decoded(behind(name));
    expect(same(film, whole.film)).toBe(true);
    expect(dicom?.instance.patient.name).toBe('BEHIND^PIXELS');
    expect(warnings?.map(({ code, attribute }) => [code, attribute])).toEqual([
      ['elements_out_of_order', '(0010,0010)'],
    ]);
  });

  test('an element is read in Implicit VR', async () => {
    const implicit = { little: true, explicit: false };
    const file = part10(without(dataset, tags.PatientName), { transferSyntax: transferSyntaxes.implicitLittle });
    const { dicom } = await decoded(Buffer.concat([file, encode([name], implicit)]));
    expect(dicom?.instance.patient.name).toBe('BEHIND^PIXELS');
  });

  test.each<[string, Buffer]>([
    ['padding', encode([padding], explicitLittle)],
    [
      'a signature of undefined length',
      Buffer.concat([
        head(0xfffa_fffa, 'SQ', undefinedLength, explicitLittle),
        delimiter(0xfffe_e0dd, 0, explicitLittle),
      ]),
    ],
    ['zero bytes', Buffer.alloc(510)],
    ['padding and zero bytes', Buffer.concat([encode([padding], explicitLittle), Buffer.alloc(32)])],
    ['an overlay', encode([{ tag: 0x6000_3000, vr: 'OW', value: Buffer.alloc(100) }], explicitLittle)],
  ])('an element is read behind %s', async (_, bytes) => {
    const file = Buffer.concat([part10(without(dataset, tags.PatientName)), bytes, encode([name], explicitLittle)]);
    expect((await decoded(file)).dicom?.instance.patient.name).toBe('BEHIND^PIXELS');
  });

  test('an element is read behind zero bytes in Big Endian', async () => {
    const big = { little: false, explicit: true };
    const file = part10(without(dataset, tags.PatientName), { transferSyntax: transferSyntaxes.explicitBig });
    const { dicom } = await decoded(Buffer.concat([file, Buffer.alloc(64), encode([name], big)]));
    expect(dicom?.instance.patient.name).toBe('BEHIND^PIXELS');
  });

  test('a truncated element is an error, not a loss', async () => {
    expect(await refuse(behind(name).subarray(0, -4))).toMatchObject({ code: 'corrupt_image' });
  });

  test('an element that contradicts an earlier one is refused by name', async () => {
    const bytes = Buffer.concat([part10(dataset), encode([name], explicitLittle)]);
    expect(await refuse(bytes)).toMatchObject({
      code: 'unusable_header',
      problem: expect.stringContaining('(0010,0010)'),
    });
  });

  test.each<[string, Buffer]>([
    ['padding', encode([padding], explicitLittle)],
    ['zero bytes', Buffer.alloc(512)],
    ['bytes of a device', Buffer.from(Array.from({ length: 511 }, (_, i) => (i * 151) % 256))],
    ['text', Buffer.from('written by a device '.repeat(20))],
  ])('%s is not an element and changes nothing', async (_, bytes) => {
    const read = await decoded(Buffer.concat([part10(dataset), bytes]));
    expect(same(read.film, whole.film)).toBe(true);
    expect(read.dicom?.instance).toEqual(whole.dicom?.instance);
    expect(read.warnings ?? []).toEqual(whole.warnings ?? []);
  });
});

describe('for an element that occurs twice', () => {
  const other = text(tags.PatientName, 'PN', 'OTHER^NAME');
  const blank = text(tags.PatientName, 'PN', '  ');
  const twice = (first: Element, second: Element) => {
    const [before, after] = [dataset, dataset].map((all, i) =>
      all.filter(({ tag }) => (i === 0 ? tag < tags.PatientName : tag > tags.PatientName)),
    );
    return wrap(
      dataset,
      Buffer.concat(
        [before ?? [], [first], [second], after ?? []].map((part) => encode(part as Element[], explicitLittle)),
      ),
    );
  };

  test.each<[string, Element, Element]>([
    ['the second is blank', other, blank],
    ['the first is blank', blank, other],
  ])('the element with a value is used if %s', async (_, first, second) => {
    const { dicom, warnings } = await decoded(twice(first, second));
    expect(dicom?.instance.patient.name).toBe('OTHER^NAME');
    expect(warnings?.map(({ code }) => code)).toContain('element_duplicated');
  });

  test('values that differ only in padding are equal', async () => {
    const padded = text(tags.PatientName, 'PN', 'OTHER^NAME\0\0');
    const { dicom } = await decoded(twice(other, padded));
    expect(dicom?.instance.patient.name).toBe('OTHER^NAME');
    const empty = text(tags.PatientName, 'PN', '\0\0');
    expect((await decoded(twice(empty, other))).dicom?.instance.patient.name).toBe('OTHER^NAME');
  });

  test('two values that differ are refused', async () => {
    const bytes = twice(other, text(tags.PatientName, 'PN', 'A^THIRD'));
    expect(await refuse(bytes)).toMatchObject({ code: 'unusable_header' });
  });
});
