import { beforeAll, describe, expect, test } from 'vitest';
import { white } from '../../../../functions/core/film.ts';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { decoded, difference, expected, grays, pydicom, same, viewed } from '../../../support/dicom/compare.ts';
import type { Dataset } from '../../../support/dicom/element.ts';
import { type Depth, type Encoder, encoders } from '../../../support/dicom/encoders.ts';
import { chest, complement, type Stored } from '../../../support/dicom/film.ts';
import { chestDataset, monochrome1, short, text, voiLut } from '../../../support/dicom/instance.ts';
import { part10, transferSyntaxes } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { has, install } from '../../../support/dicom/tools.ts';
import { faultOf } from '../../../support/family.ts';

/** Odd sizes, so that rows end on odd bytes and 8-bit pixels need a padding byte. */
const size = { columns: 321, rows: 273 };
/** One gray level of an 8-bit screen. */
const step = 1 / 255;

type Case = { readonly name: string; readonly encoder: Encoder; readonly depth: Depth };
const cases: readonly Case[] = encoders.flatMap((encoder) =>
  encoder.depths.map((depth) => ({
    name: `${encoder.name} (${encoder.transferSyntax}), ${depth.bits} bits${depth.signed ? ', signed' : ''}`,
    encoder,
    depth,
  })),
);
const those = (wanted: (encoder: Encoder) => boolean) =>
  cases.filter(({ encoder }) => wanted(encoder)).map((written) => [written.name, written] as const);
const programs = [...new Set(encoders.flatMap((encoder) => encoder.programs))];

const films = new Map<string, Stored>();
const files = new Map<string, Buffer<ArrayBuffer>>();
const filmOf = ({ bits, signed }: Depth): Stored => {
  const film = films.get(`${bits}${signed}`);
  if (!film) throw new Error(`no film of ${bits} bits`);
  return film;
};
/** Written once for all tests. */
function fileOf({ name, encoder, depth }: Case): Buffer<ArrayBuffer> {
  const file = files.get(name) ?? encoder.encode(filmOf(depth));
  files.set(name, file);
  return file;
}

beforeAll(async () => {
  for (const bits of [8, 12, 16] as const)
    for (const signed of [false, true]) films.set(`${bits}${signed}`, await chest({ ...size, bits, signed }));
});

describe.skipIf(!has(...programs))(`files written by DCMTK, OpenJPEG and OpenJPH (${install})`, () => {
  test('cover every supported transfer syntax', async () => {
    const written = new Set(encoders.map(({ transferSyntax }) => transferSyntax));
    const unknown = part10(chestDataset(filmOf({ bits: 8, signed: false })), { transferSyntax: '1.2.3' });
    const fault = faultOf(await decodeDicom(unknown));
    expect(fault).toMatchObject({ code: 'unsupported_transfer_syntax', transferSyntax: '1.2.3' });
    expect(written).toEqual(new Set('known' in fault ? fault.known : []));
  });

  test.each(those(({ lossless }) => lossless))('%s is read exactly', async (_, written) => {
    const stored = filmOf(written.depth);
    const { film, dicom } = await decoded(fileOf(written));
    expect(dicom?.view).toMatchObject({ transferSyntax: written.encoder.transferSyntax, bits: stored.bits });
    expect({ columns: film.width, rows: film.height }).toEqual(size);
    // Scaled to the full range of bytes or words, each value is rounded once.
    expect(difference(grays(film), expected(stored)).most).toBeLessThanOrEqual(0.5 / white(film) + 1e-12);
    expect(same(film, (await decoded(part10(chestDataset(stored)))).film)).toBe(true);
  });

  test.each(those(({ lossless }) => !lossless))(
    '%s is read with the same pixels as by its own tool',
    async (_, written) => {
      const { encoder, depth } = written;
      const stored = filmOf(depth);
      const file = fileOf(written);
      const { film, dicom } = await decoded(file);
      expect(dicom?.view).toMatchObject({ transferSyntax: encoder.transferSyntax });
      const back = encoder.back?.(stored, file);
      if (!back) throw new Error(`${encoder.name} is lossy and has no way back`);
      expect(difference(grays(film), grays((await decoded(back)).film)).most).toBeLessThanOrEqual(step);
      // The loss of the encoder: small on average, but not zero.
      const loss = difference(grays(film), expected(stored));
      expect(loss.mean).toBeLessThan(0.01);
      expect(loss.most).toBeLessThan(0.1);
      expect(loss.most).toBeGreaterThan(0);
    },
  );

  test.each(those(({ viewer }) => viewer !== undefined))(
    "%s has the same appearance as in DCMTK's viewer",
    async (_, written) => {
      const file = fileOf(written);
      const { film } = await decoded(file);
      expect(difference(grays(film), viewed(written.encoder.viewer ?? '', file)).most).toBeLessThanOrEqual(step);
    },
  );
});

describe.skipIf(!has(...programs))(`one film is the same in every lossless encoding (${install})`, () => {
  const twelve: Depth = { bits: 12, signed: false };
  const signed: Depth = { bits: 12, signed: true };
  const lossless = (depth: Depth) =>
    encoders.filter(
      (encoder) =>
        encoder.lossless && encoder.depths.some((one) => one.bits === depth.bits && one.signed === depth.signed),
    );
  type Header = { readonly film: Stored; readonly changes: Dataset };
  const headers: readonly (readonly [string, Depth, (film: Stored) => Header])[] = [
    ['MONOCHROME1', twelve, (film) => ({ film: complement(film), changes: monochrome1 })],
    [
      'a narrow sigmoid window',
      twelve,
      (film) => ({
        film,
        changes: [
          text(tags.WindowCenter, 'DS', '1800'),
          text(tags.WindowWidth, 'DS', '1200'),
          text(tags.VOILUTFunction, 'CS', 'SIGMOID'),
        ],
      }),
    ],
    ['a VOI LUT', twelve, (film) => ({ film, changes: voiLut(film, Math.sqrt) })],
    ['padding', twelve, (film) => ({ film, changes: [short(tags.PixelPaddingValue, film.values[0] ?? 0)] })],
    [
      'rescaled signed values',
      signed,
      (film) => ({
        film,
        changes: [
          text(tags.RescaleSlope, 'DS', '0.5'),
          text(tags.RescaleIntercept, 'DS', '1024'),
          text(tags.WindowCenter, 'DS', '1024'),
          text(tags.WindowWidth, 'DS', '2048'),
        ],
      }),
    ],
  ];
  test.each(headers)('%s', async (_, depth, header) => {
    const { film, changes } = header(filmOf(depth));
    const original = await decoded(part10(chestDataset(film, changes)));
    for (const encoder of lossless(depth))
      expect(same((await decoded(encoder.encode(film, changes))).film, original.film), encoder.name).toBe(true);
  });
});

describe('files of other projects', () => {
  test.skipIf(!has('dcm2pnm'))(
    `a deflated file of pydicom has the same appearance as in DCMTK's viewer (${install})`,
    async () => {
      const file = pydicom('image_dfl.dcm');
      const { film, dicom } = await decoded(file);
      expect(dicom?.view.transferSyntax).toBe(transferSyntaxes.deflated);
      expect(difference(grays(film), viewed('dcm2pnm', file, [])).most).toBeLessThanOrEqual(step);
    },
  );

  test('a colour HTJ2K file of pydicom is refused by name', async () => {
    expect(faultOf(await decodeDicom(pydicom('HTJ2KLossless_08_RGB.dcm')))).toMatchObject({ code: 'colour_image' });
  });
});
