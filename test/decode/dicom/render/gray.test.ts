import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { decoded, difference, expected, grays, same } from '../../../support/dicom/compare.ts';
import type { Dataset, Element } from '../../../support/dicom/element.ts';
import { chest, complement, range, type Stored } from '../../../support/dicom/film.ts';
import { chestDataset, monochrome1, native, sequence, short, text, voiLut } from '../../../support/dicom/instance.ts';
import { part10, transferSyntaxes } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { dcmtk, has, install } from '../../../support/dicom/tools.ts';
import { faultOf } from '../../../support/family.ts';

/** A film with every value of the stored bits. */
const ramp = (bits: number, signed = false): Stored => {
  const { low } = range({ bits, signed });
  return {
    columns: 256,
    rows: 256,
    bits,
    signed,
    values: Int32Array.from({ length: 65_536 }, (_, i) => low + (i % 2 ** bits)),
  };
};
const twelve = ramp(12);
const half = 0.5 / 65_535 + 1e-12;
/** The 1st and 99th percentile of `twelve`, in which each value occurs 16 times. */
const bulk = { low: 40.35, high: 4054.65 };

const window = (center: number | string, width: number | string, name?: string): Dataset => [
  text(tags.WindowCenter, 'DS', String(center)),
  text(tags.WindowWidth, 'DS', String(width)),
  ...(name ? [text(tags.VOILUTFunction, 'CS', name)] : []),
];
const noWindow = window('', '');
const rescale = (slope: number, intercept: number): Dataset => [
  text(tags.RescaleSlope, 'DS', String(slope)),
  text(tags.RescaleIntercept, 'DS', String(intercept)),
];
const lut = (tag: number, descriptor: readonly number[], data: Uint8Array, vr = 'US'): Element =>
  sequence(tag, [
    { tag: tags.LUTDescriptor, vr, value: descriptor },
    { tag: tags.LUTData, vr: 'OW', value: data },
  ]);
const wordsOf = (entries: readonly number[]) => new Uint8Array(Uint16Array.from(entries).buffer);

const read = (film: Stored, ...changes: readonly Dataset[]) => decoded(part10(chestDataset(film, ...changes)));
const shown = async (film: Stored, ...changes: readonly Dataset[]) => grays((await read(film, ...changes)).film);
const values = (film: Stored, of: (value: number) => number) => Float64Array.from(film.values, of);
const clamp = (share: number) => Math.max(0, Math.min(1, share));

/** The pseudo-code of PS3.3, C.11.2.1.2.1 and C.11.2.1.3, from 0 to 1. */
const standard: Record<string, (x: number, c: number, w: number) => number> = {
  LINEAR: (x, c, w) => {
    if (x <= c - 0.5 - (w - 1) / 2) return 0;
    if (x > c - 0.5 + (w - 1) / 2) return 1;
    return (x - (c - 0.5)) / (w - 1) + 0.5;
  },
  LINEAR_EXACT: (x, c, w) => {
    if (x <= c - w / 2) return 0;
    if (x > c + w / 2) return 1;
    return (x - c) / w + 0.5;
  },
  SIGMOID: (x, c, w) => 1 / (1 + Math.exp((-4 * (x - c)) / w)),
};

describe('a window', () => {
  test.each(['LINEAR', 'LINEAR_EXACT', 'SIGMOID'])('%s follows the formula of the standard', async (name) => {
    const center = fc.double({ min: -500, max: 5000, noNaN: true });
    const width = fc.double({ min: 1, max: 9000, noNaN: true });
    await fc.assert(
      fc.asyncProperty(center, width, async (anyCenter, anyWidth) => {
        const [c, w] = [Number(anyCenter.toPrecision(8)), Number(anyWidth.toPrecision(8))];
        const exact = values(twelve, (value) => standard[name]?.(value, c, w) ?? Number.NaN);
        const { film, warnings = [] } = await read(twelve, window(c, w, name));
        // Only a window that shows nearly all of the film as a single gray is ignored.
        const contrast = (standard[name]?.(bulk.high, c, w) ?? 0) - (standard[name]?.(bulk.low, c, w) ?? 0);
        const isPassedOver = warnings.some(({ code }) => code === 'window_unusable');
        expect(isPassedOver).toBe(contrast <= 1 / 255);
        if (!isPassedOver) expect(difference(grays(film), exact).most).toBeLessThanOrEqual(half);
      }),
      { numRuns: 12 },
    );
  });

  test('without a function, or with an unknown function, is LINEAR', async () => {
    const linear = await shown(twelve, window(2000, 1000, 'LINEAR'));
    expect(await shown(twelve, window(2000, 1000))).toEqual(linear);
    expect(await shown(twelve, window(2000, 1000, 'CUBIC'))).toEqual(linear);
  });

  test('of width 1 is a threshold', async () => {
    const exact = values(twelve, (value) => (value > 1999.5 ? 1 : 0));
    expect(difference(await shown(twelve, window(2000, 1)), exact).most).toBe(0);
  });

  test('the first of several is used', async () => {
    const several = await read(twelve, window('1000\\2000\\x', '500\\9000\\'));
    expect(same(several.film, (await read(twelve, window(1000, 500))).film)).toBe(true);
    expect(several.dicom?.view.rendering).toBe('window 1000 / 500 LINEAR');
  });

  test('applies to rescaled values', async () => {
    const exact = values(twelve, (value) => standard['LINEAR']?.(value * 0.25 - 100, 400, 300) ?? Number.NaN);
    const film = await read(twelve, rescale(0.25, -100), window(400, 300));
    expect(difference(grays(film.film), exact).most).toBeLessThanOrEqual(half);
    expect(film.dicom?.view.rendering).toBe('rescale 0.25 × value + -100, then window 400 / 300 LINEAR');
  });

  test('applies to signed values', async () => {
    const film = ramp(12, true);
    const exact = values(film, (value) => standard['LINEAR']?.(value, -300, 900) ?? Number.NaN);
    expect(difference(await shown(film, window(-300, 900)), exact).most).toBeLessThanOrEqual(half);
  });
});

describe('a lookup table', () => {
  test('for VOI has priority over a window', async () => {
    const exact = values(twelve, (value) => Math.sqrt(value / 4095));
    const film = await read(twelve, voiLut(twelve, Math.sqrt));
    expect(difference(grays(film.film), exact).most).toBeLessThan(2 / 65_535);
    expect(film.dicom?.view.rendering).toBe('VOI LUT');
  });

  test('extends its first and its last entry', async () => {
    const entries = Array.from({ length: 100 }, (_, i) => 10 + 2 * i);
    const exact = values(twelve, (value) => (entries[Math.max(0, Math.min(99, value - 1000))] ?? 0) / 255);
    const table = lut(tags.VOILUTSequence, [100, 1000, 8], wordsOf(entries));
    expect(difference(await shown(twelve, [table]), exact).most).toBeLessThanOrEqual(half);
  });

  test('may have 65536 entries, and two 8-bit entries per word', async () => {
    const film = ramp(16);
    const all = Array.from({ length: 65_536 }, (_, i) => 65_535 - i);
    expect((await read(film, [lut(tags.VOILUTSequence, [0, 0, 16], wordsOf(all))])).film.pixels).toEqual(
      Uint16Array.from(film.values, (value) => 65_535 - value),
    );
    const packed = Uint8Array.from({ length: 4096 }, (_, i) => i >> 4);
    const eight = await shown(twelve, [lut(tags.VOILUTSequence, [4096, 0, 8], packed)]);
    expect(
      difference(
        eight,
        values(twelve, (value) => (value >> 4) / 255),
      ).most,
    ).toBeLessThanOrEqual(half);
    const unpacked = await shown(twelve, [lut(tags.VOILUTSequence, [4096, 0, 8], wordsOf([...packed]))]);
    expect(unpacked).toEqual(eight);
  });

  test('for the modality is applied before the window', async () => {
    const entries = Array.from({ length: 4096 }, (_, i) => Math.round(4000 * Math.sqrt(i / 4095)));
    const exact = values(twelve, (value) => standard['LINEAR']?.(entries[value] ?? 0, 2000, 3000) ?? Number.NaN);
    const film = await read(
      twelve,
      [lut(tags.ModalityLUTSequence, [4096, 0, 16], wordsOf(entries))],
      window(2000, 3000),
    );
    expect(difference(grays(film.film), exact).most).toBeLessThanOrEqual(half);
    expect(film.dicom?.view.rendering).toBe('Modality LUT, then window 2000 / 3000 LINEAR');
  });

  test.each([transferSyntaxes.explicitLittle, transferSyntaxes.implicitLittle, transferSyntaxes.explicitBig])(
    'starts below zero for signed values, in %s',
    async (transferSyntax) => {
      const film = ramp(12, true);
      const file = part10(
        chestDataset(
          film,
          voiLut(film, (share) => share ** 2),
        ),
        { transferSyntax },
      );
      const exact = values(film, (value) => ((value + 2048) / 4095) ** 2);
      expect(difference(grays((await decoded(file)).film), exact).most).toBeLessThanOrEqual(2 * half);
    },
  );

  const { implicitLittle, explicitLittle, explicitBig } = transferSyntaxes;
  const everywhere = [explicitLittle, implicitLittle, explicitBig];
  const ramped = (count: number, step = 16) => wordsOf(Array.from({ length: count }, (_, i) => (i * step) % 65_536));

  test.each<[string, Stored, Dataset, (value: number) => number]>([
    [
      'starts below zero because unsigned values are rescaled',
      twelve,
      [lut(tags.VOILUTSequence, [4096, -1024, 16], ramped(4096), 'SS'), ...rescale(1, -1024)],
      (value) => (16 * value) / 65_535,
    ],
    [
      'starts above 32767 because signed values have a Modality LUT',
      ramp(12, true),
      [
        lut(
          tags.ModalityLUTSequence,
          [4096, -2048, 16],
          wordsOf(Array.from({ length: 4096 }, (_, i) => 40_000 + 4 * i)),
          'SS',
        ),
        lut(tags.VOILUTSequence, [16_384, 40_000, 16], ramped(16_384, 4)),
      ],
      (value) => (16 * (value + 2048)) / 65_535,
    ],
    [
      'is for signed values, though its descriptor is written as unsigned',
      ramp(12, true),
      [lut(tags.ModalityLUTSequence, [4096, 65_536 - 2048, 12], ramped(4096, 1)), ...window(2048, 4096)],
      (value) => (value + 2048) / 4095,
    ],
    [
      'starts below anything that occurs',
      twelve,
      [lut(tags.VOILUTSequence, [8192, -4096, 16], ramped(8192, 8), 'SS')],
      (value) => (8 * (value + 4096)) / 65_535,
    ],
  ])('%s, in every transfer syntax', async (_, film, changes, gray) => {
    const exact = values(film, gray);
    for (const transferSyntax of everywhere) {
      const file = part10(chestDataset(film, changes), { transferSyntax });
      expect(difference(grays((await decoded(file)).film), exact).most, transferSyntax).toBeLessThanOrEqual(half);
    }
  });

  test('with more bits than declared has its white at the next larger number of bits', async () => {
    const entries = Array.from({ length: 4096 }, (_, i) => i >> 1);
    const film = await shown(twelve, [lut(tags.VOILUTSequence, [4096, 0, 8], wordsOf(entries))]);
    const exact = values(twelve, (value) => (value >> 1) / 2047);
    expect(difference(film, exact).most).toBeLessThanOrEqual(half);
  });

  test.each([10, 11, 12, 13, 14, 15])(
    'that declares 16 bits and uses %s has its white at its greatest entry',
    async (bits) => {
      const entries = Array.from({ length: 4096 }, (_, i) => Math.round(((2 ** bits - 1) * i) / 4095));
      const { film, warnings } = await read(twelve, [lut(tags.VOILUTSequence, [4096, 0, 16], wordsOf(entries))]);
      const exact = values(twelve, (value) => (entries[value] ?? 0) / (2 ** bits - 1));
      expect(difference(grays(film), exact).most).toBeLessThanOrEqual(half);
      expect(warnings).toMatchObject([{ code: 'lut_bits', attribute: '(0028,3002)', found: '16' }]);
    },
  );

  test('that uses more than half of its declared range keeps its white', async () => {
    const entries = Array.from({ length: 4096 }, (_, i) => Math.round((40_000 * i) / 4095));
    const { film, warnings } = await read(twelve, [lut(tags.VOILUTSequence, [4096, 0, 16], wordsOf(entries))]);
    const exact = values(twelve, (value) => (entries[value] ?? 0) / 65_535);
    expect(difference(grays(film), exact).most).toBeLessThanOrEqual(half);
    expect(warnings).toBeUndefined();
  });

  const sound = { tag: tags.LUTData, vr: 'OW', value: wordsOf(Array.from({ length: 4096 }, (_, i) => i)) };
  const unusable: Record<string, Dataset> = {
    'no descriptor': [sound],
    'an empty descriptor': [{ tag: tags.LUTDescriptor, vr: 'US', value: [] }, sound],
    'half a descriptor': [short(tags.LUTDescriptor, 4096, 0), sound],
    'a descriptor of no bits': [short(tags.LUTDescriptor, 4096, 0, 0), sound],
    'a descriptor of 32 bits': [short(tags.LUTDescriptor, 4096, 0, 32), sound],
    'too few entries': [short(tags.LUTDescriptor, 4096, 0, 12), { ...sound, value: wordsOf([1, 2, 3]) }],
    'no entries': [short(tags.LUTDescriptor, 4096, 0, 12)],
    nothing: [],
  };
  test.each(Object.entries(unusable))('with %s is ignored with a warning', async (_, item) => {
    const next = await read(twelve, window(2000, 1000));
    const one = await read(twelve, window(2000, 1000), [sequence(tags.VOILUTSequence, item)]);
    expect(same(one.film, next.film)).toBe(true);
    expect(one.warnings).toMatchObject([{ code: 'lut_unusable' }]);
    const second = [short(tags.LUTDescriptor, 4096, 0, 12), sound];
    const two = await read(twelve, window(2000, 1000), [sequence(tags.VOILUTSequence, item, second)]);
    expect(difference(grays(two.film), expected(twelve)).most).toBeLessThanOrEqual(half);
    expect(two.warnings).toMatchObject([{ code: 'lut_unusable' }]);
    const modality = await read(twelve, [sequence(tags.ModalityLUTSequence, item)], rescale(2, -10));
    expect(modality.dicom?.view.rendering).toContain('rescale 2');
    expect(modality.warnings).toMatchObject([{ code: 'lut_unusable' }]);
    const none = part10(
      chestDataset(twelve, [sequence(tags.ModalityLUTSequence, item)], [text(tags.RescaleSlope, 'DS', '')]),
    );
    expect(faultOf(await decodeDicom(none))).toMatchObject({ code: 'unusable_header' });
  });
});

describe('a nonstandard number', () => {
  const codesOf = (warnings: readonly { code: string }[] = []) => warnings.map(({ code }) => code);

  test.each([
    ['0\\1958.5', '0\\3316'],
    ['\\1958.5', '\\3316'],
    ['x\\1958.5', '10\\3316'],
    ['100\\1958.5', '-5\\3316'],
    ['100\\1958.5', 'N/A\\3316'],
    ['9000\\1958.5', '10\\3316'],
    ['-9000\\-8000\\1958.5', '10\\10\\3316'],
  ])('window %s / %s is the first usable window', async (center, width) => {
    const exact = await read(twelve, window(1958.5, 3316));
    const film = await read(twelve, window(center, width));
    expect(same(film.film, exact.film)).toBe(true);
    expect(codesOf(film.warnings)).toEqual(['window_unusable']);
  });

  test.each([
    ['window', window(-5000, 100)],
    ['window', window(100_000, 10)],
    ['window', window(1958.5, 1e30)],
    ['VOI LUT', voiLut(twelve, () => 1)],
    ['VOI LUT', voiLut(twelve, () => 0)],
  ])('a %s that shows the film as a single gray is ignored', async (_, only) => {
    const film = await read(twelve, noWindow, only);
    expect(same(film.film, (await read(twelve, noWindow)).film)).toBe(true);
    expect(codesOf(film.warnings)).toContain('window_unusable');
    expect(film.dicom?.view.rendering).toContain('renders the film as a single gray, so percentiles');
  });

  test.each([
    ['1958,5', '3316'],
    ['1958,5', '3316,0'],
    ['1.958,5', '3.316,0'],
    ['1.958,5', '3.316'],
    ['1,958.5', '3,316.0'],
    ['1958.5\0x', '3316'],
    ['1958.5 mm', '3316'],
    ['1.9585D3', '3316'],
    ['1 958.5', '3 316'],
  ])('window %s / %s is read as 1958.5 / 3316', async (center, width) => {
    const exact = await read(twelve, window(1958.5, 3316));
    const film = await read(twelve, window(center, width));
    expect(same(film.film, exact.film)).toBe(true);
    expect(new Set(codesOf(film.warnings))).toEqual(new Set(['number_malformed']));
  });

  test('an ambiguous comma is not parsed, unless another value decides', async () => {
    const { warnings, dicom } = await read(twelve, window('1,958', '3,316'));
    expect(codesOf(warnings)).toEqual(['window_unusable']);
    expect(dicom?.view.rendering).toContain('percentiles');
    const told = await read(twelve, window('1958,5', '3,316'));
    expect(told.dicom?.view.rendering).toBe('window 1958.5 / 3.316 LINEAR');
  });

  test('binary numbers in place of decimal strings are read', async () => {
    const center = { tag: tags.WindowCenter, vr: 'US', value: [2000] };
    const width = { tag: tags.WindowWidth, vr: 'US', value: [1000] };
    const film = await read(twelve, [center, width]);
    expect(same(film.film, (await read(twelve, window(2000, 1000))).film)).toBe(true);
    expect(new Set(codesOf(film.warnings))).toEqual(new Set(['number_malformed']));
  });

  test.each<[string, Dataset, string]>([
    ['an unknown VOI LUT Function', window(2000, 1000, 'CUBIC'), 'voi_function_unknown'],
    ['Presentation LUT Shape', [text(tags.PresentationLUTShape, 'CS', 'ROUND')], 'presentation_lut_shape_unknown'],
    ['a contradicting polarity', [text(tags.PresentationLUTShape, 'CS', 'INVERSE')], 'polarity_conflict'],
    ['a spacing', [text(tags.ImagerPixelSpacing, 'DS', '0.1\\x')], 'spacing_unusable'],
    ['half a spacing', [text(tags.ImagerPixelSpacing, 'DS', '0.1')], 'spacing_unusable'],
    ['an orientation', [text(tags.PatientOrientation, 'CS', 'X\\Y')], 'orientation_unusable'],
    ['no Bits Stored', [short(tags.BitsStored), short(tags.HighBit)], 'attribute_missing'],
    ['no Pixel Representation', [short(tags.PixelRepresentation)], 'attribute_missing'],
  ])('%s has a warning by name', async (_, changes, code) => {
    expect(codesOf((await read(twelve, changes)).warnings)).toContain(code);
  });

  test('text in a number is never quoted', async () => {
    const film = await read(twelve, window('DOE^JANE\\2000', '1\\1000'), [
      text(tags.ImagerPixelSpacing, 'DS', 'DOE\\JANE'),
    ]);
    expect(film.warnings?.length).toBeGreaterThan(1);
    expect(JSON.stringify(film.warnings)).not.toMatch(/DOE|JANE/);
  });

  test('pixels with more bits than stored have a warning, but not a sign or an overlay', async () => {
    const fourteen = { ...twelve, values: twelve.values.map((value) => value * 4) };
    expect(codesOf((await read(fourteen)).warnings)).toContain('bits_stored_exceeded');
    expect((await read(ramp(12, true))).warnings).toBeUndefined();
    const overlay = twelve.values.map((value, i) => value + (i % 3 === 0 ? 0x8000 : 0));
    const planes: Dataset = [short(0x6000_0102, 15)];
    expect((await read({ ...twelve, values: overlay }, planes)).warnings).toBeUndefined();
  });
});

test('lower-case code strings are read like upper-case ones', async () => {
  const capitals = await read(twelve, monochrome1, window(2000, 1000, 'SIGMOID'));
  const small = [
    text(tags.PhotometricInterpretation, 'CS', 'Monochrome1'),
    text(tags.PresentationLUTShape, 'CS', 'inverse'),
    text(tags.VOILUTFunction, 'CS', 'sigmoid'),
  ];
  // The digest of the film is over the strings as they are stored.
  const lower = await read(twelve, monochrome1, window(2000, 1000), small);
  expect({ ...lower, source: undefined }).toEqual({ ...capitals, source: undefined });
});

describe('polarity', () => {
  const negative = [native(complement(twelve))];

  test('MONOCHROME1 is inverted once, even if Presentation LUT Shape is INVERSE as well', async () => {
    const positive = (await read(twelve)).film;
    const inverted = await read(twelve, negative, monochrome1);
    expect(same(inverted.film, positive)).toBe(true);
    expect(inverted.dicom?.view).toMatchObject({
      photometric: 'MONOCHROME1',
      rendering: 'window 2048 / 4096 LINEAR, then inverted (MONOCHROME1)',
    });
    const shapeless = await read(twelve, negative, monochrome1, [text(0x2050_0020, 'CS', '')]);
    expect(same(shapeless.film, positive)).toBe(true);
  });

  test('MONOCHROME2 is not inverted', async () => {
    expect(difference(await shown(twelve), expected(twelve)).most).toBeLessThanOrEqual(half);
  });

  test.each([
    ['MONOCHROME2', 'INVERSE', 'inverted (MONOCHROME2, Presentation LUT Shape INVERSE)'],
    ['MONOCHROME1', 'IDENTITY', 'not inverted (MONOCHROME1, Presentation LUT Shape IDENTITY)'],
    ['MONOCHROME1', 'LIN OD', 'inverted (MONOCHROME1)'],
  ])('%s with Presentation LUT Shape %s is %s', async (photometric, shape, words) => {
    const film = await read(twelve, [
      text(tags.PhotometricInterpretation, 'CS', photometric),
      text(tags.PresentationLUTShape, 'CS', shape),
    ]);
    const inverted = !words.startsWith('not');
    const exact = expected(twelve).map((share) => (inverted ? 1 - share : share));
    expect(difference(grays(film.film), exact).most).toBeLessThanOrEqual(half);
    expect(film.dicom?.view.rendering).toBe(`window 2048 / 4096 LINEAR, then ${words}`);
  });
});

describe('padding', () => {
  /** The ramp, with 100 pixels of 4095 and 100 of 4000 to 4003. */
  const padded: Stored = {
    ...twelve,
    values: twelve.values.map((value, i) => (i < 100 ? 4095 : i < 200 ? 4000 + (i % 4) : value % 3000)),
  };
  const padding = [short(tags.PixelPaddingValue, 4095), short(0x0028_0121, 4000)];

  test.each<[string, Dataset]>([
    ['MONOCHROME2', []],
    ['MONOCHROME1', monochrome1],
  ])('is black in %s, from its value to its limit', async (_, polarity) => {
    const plain = await shown(padded, polarity);
    const film = await shown(padded, polarity, padding);
    expect(film).toEqual(plain.map((gray, i) => (i < 200 ? 0 : gray)));
    const one = await shown(padded, polarity, [short(tags.PixelPaddingValue, 4095)]);
    expect(one).toEqual(plain.map((gray, i) => (i < 100 ? 0 : gray)));
  });

  test('does not widen the default window', async () => {
    const { dicom } = await read(padded, noWindow, padding);
    expect(dicom?.view.rendering).toMatch(/: [\d.]+ to 299[\d.]+$/);
  });

  test('may be a word outside of the stored values', async () => {
    const plain = await shown(padded);
    const words = Uint16Array.from(padded.values, (value, i) => (i < 100 ? 65_536 - 2000 : value));
    const filled: Dataset = [
      { tag: tags.PixelData, vr: 'OW', value: new Uint8Array(words.buffer) },
      { tag: tags.PixelPaddingValue, vr: 'SS', value: [-2000] },
    ];
    expect(await shown(padded, filled)).toEqual(plain.map((gray, i) => (i < 100 ? 0 : gray)));
  });

  test('is signed like the pixels', async () => {
    const film = ramp(12, true);
    const gray = await shown(film, [{ tag: tags.PixelPaddingValue, vr: 'SS', value: [-5] }]);
    const plain = await shown(film);
    expect(gray).toEqual(plain.map((value, i) => (film.values[i] === -5 ? 0 : value)));
  });
});

describe('a film without VOI LUT or window', () => {
  test('of 8 bits is shown unchanged', async () => {
    const film = await read(ramp(8), noWindow);
    expect(film.film.pixels).toEqual(Uint8Array.from(ramp(8).values));
    expect(film.dicom?.view.rendering).toBe('no VOI LUT or window, so full range: 0 to 255');
    expect((await read(ramp(6), noWindow)).film.pixels).toEqual(
      Uint8Array.from(ramp(6).values, (v) => Math.round((255 * v) / 63)),
    );
    const signed = await read(ramp(8, true), noWindow);
    expect(signed.film.pixels).toEqual(Uint8Array.from(ramp(8).values));
  });

  test('of more bits is shown from percentile 0.1 to 99.9 of the values between its extremes', async () => {
    // 30 000 pixels of the lowest and 5000 of the highest value, and even values from 1000 to 3000 between them.
    const film: Stored = {
      ...twelve,
      values: twelve.values.map((_, i) => (i < 30_000 ? 10 : i < 35_000 ? 4000 : 1000 + (i % 2001))),
    };
    const inside = [...film.values.subarray(35_000)].sort((a, b) => a - b);
    const at = (rank: number) => inside[rank] ?? Number.NaN;
    const quantile = (share: number) => {
      const rank = share * (inside.length - 1);
      return at(Math.floor(rank)) + (rank % 1) * (at(Math.ceil(rank)) - at(Math.floor(rank)));
    };
    const [low, high] = [quantile(0.001), quantile(0.999)];
    expect([low, high]).toEqual([expect.closeTo(1002, -1), expect.closeTo(2998, -1)]);
    const { film: gray, dicom } = await read(film, noWindow);
    const exact = values(film, (value) => clamp((value - low) / (high - low)));
    expect(difference(grays(gray), exact).most).toBeLessThanOrEqual(half);
    expect(dicom?.view.rendering).toBe(
      `no VOI LUT or window, so percentiles 0.1 to 99.9 without the lowest and highest value: ${low} to ${high}`,
    );
  });

  test('gives the reason why its window is unusable', async () => {
    const rendering = async (center: string, width: string, name?: string) =>
      (await read(ramp(8), window(center, width, name))).dicom?.view.rendering;
    expect(await rendering('128', '0')).toBe('window 128 / 0 cannot be used with LINEAR, so full range: 0 to 255');
    expect(await rendering('128', '0.5')).toMatch(/^window 128 \/ 0.5 cannot be used with LINEAR/);
    expect(await rendering('128', '-3', 'SIGMOID')).toMatch(/^window 128 \/ -3 cannot be used with SIGMOID/);
    // Text that is not a number may be anything, so it is not quoted.
    expect(await rendering('DOE^JANE', '256')).toMatch(/^window \(not a number\) \/ 256 cannot be used with LINEAR/);
    for (const [center, width] of [
      [' ', '256'],
      ['128', ' '],
      ['', '\\256'],
    ] as const)
      expect(await rendering(center, width)).toBe('no VOI LUT or window, so full range: 0 to 255');
  });

  test('of two values, or of one, is still shown', async () => {
    const two = { ...twelve, values: twelve.values.map((value) => (value % 2 ? 300 : 200)) };
    expect(new Set((await read(two, noWindow)).film.pixels)).toEqual(new Set([0, 65_535]));
    const one = { ...twelve, values: twelve.values.map(() => 300) };
    expect(new Set((await read(one, noWindow)).film.pixels).size).toBe(1);
  });
});

describe.skipIf(!has('dcm2pnm'))(`matches DCMTK's viewer to within 1/255 (${install})`, () => {
  const chestOf = (bits: number, signed = false) => chest({ columns: 201, rows: 171, bits, signed });
  const curve = (share: number) => 1 - (1 - share) ** 3;
  const sixteenths = wordsOf(Array.from({ length: 4096 }, (_, i) => 16 * i));
  test.each<[string, number, boolean, (film: Stored) => readonly Dataset[], readonly string[]]>([
    ['LINEAR', 12, false, () => [window(1500, 1200, 'LINEAR')], ['+Wi', '1']],
    ['SIGMOID', 12, false, () => [window(1500, 1200, 'SIGMOID')], ['+Wi', '1']],
    ['signed', 12, true, () => [window(-200, 1200)], ['+Wi', '1']],
    ['rescaled', 16, false, () => [rescale(0.05, -300), window(900, 1700)], ['+Wi', '1']],
    ['rescaled and signed', 10, true, () => [rescale(2.5, 400), window(500, 1000)], ['+Wi', '1']],
    ['MONOCHROME1', 14, false, (film) => [[native(complement(film))], monochrome1, window(8000, 9000)], ['+Wi', '1']],
    ['VOI LUT', 12, false, (film) => [voiLut(film, curve)], ['+Wl', '1']],
    ['VOI LUT, 16 bits', 16, false, (film) => [voiLut(film, curve)], ['+Wl', '1']],
    ['VOI LUT, signed', 12, true, (film) => [voiLut(film, curve)], ['+Wl', '1']],
    ['VOI LUT and MONOCHROME1', 12, false, (film) => [voiLut(film, curve), monochrome1], ['+Wl', '1']],
    [
      'Modality LUT',
      12,
      false,
      () => [
        [
          lut(
            tags.ModalityLUTSequence,
            [4096, 0, 12],
            wordsOf(Array.from({ length: 4096 }, (_, i) => Math.round(4095 * curve(i / 4095)))),
          ),
        ],
        window(2000, 3500),
      ],
      ['+Wi', '1'],
    ],
    ['8 bits and no window', 8, false, () => [noWindow], []],
    [
      'VOI LUT of rescaled values',
      12,
      false,
      () => [[lut(tags.VOILUTSequence, [4096, -1024, 16], sixteenths, 'SS'), ...rescale(1, -1024)]],
      ['+Wl', '1'],
    ],
    ...['MONOCHROME1', 'MONOCHROME2'].flatMap((photometric) =>
      ['IDENTITY', 'INVERSE', ''].map(
        (shape): [string, number, boolean, () => readonly Dataset[], readonly string[]] => [
          `${photometric} with Presentation LUT Shape ${shape || 'left out'}`,
          12,
          false,
          () => [
            [text(tags.PhotometricInterpretation, 'CS', photometric), text(tags.PresentationLUTShape, 'CS', shape)],
          ],
          ['+Wi', '1'],
        ],
      ),
    ),
  ])('%s', async (_, bits, signed, changes, options) => {
    const film = await chestOf(bits, signed);
    const file = part10(chestDataset(film, ...changes(film)));
    const png = dcmtk('dcm2pnm', [...options, '+on2'], file);
    const shows = await sharp(png).toColourspace('grey16').raw({ depth: 'ushort' }).toBuffer();
    const exact = Float64Array.from(new Uint16Array(new Uint8Array(shows).buffer), (value) => value / 65_535);
    expect(difference(grays((await decoded(file)).film), exact).most).toBeLessThanOrEqual(1 / 255);
  });
});
