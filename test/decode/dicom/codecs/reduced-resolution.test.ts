import { beforeAll, describe, expect, test } from 'vitest';
import type { Decoded } from '../../../../functions/core/film.ts';
import { px } from '../../../../functions/core/units.ts';
import { dcmjsCodec } from '../../../../functions/decode/dicom/codecs/dcmjs-codec.ts';
import { reducedResolutionCodec } from '../../../../functions/decode/dicom/codecs/reduced-resolution-codec.ts';
import { decodeDicom } from '../../../../functions/decode/dicom/decode.ts';
import { filmDigest } from '../../../../functions/decode/film-digest.ts';
import { halved, oversampling } from '../../../../functions/decode/halving.ts';
import { inComponentPrecincts } from '../../../support/dicom/bombs/codestream.ts';
import { openJpeg, openJpegBack, openJph, openJphBack } from '../../../support/dicom/codestream.ts';
import { decoded, difference, grays, same } from '../../../support/dicom/compare.ts';
import { type Dataset, type Element, merge } from '../../../support/dicom/element.ts';
import { chest, type Stored } from '../../../support/dicom/film.ts';
import { chestDataset, encapsulated, short, text, voiLut } from '../../../support/dicom/instance.ts';
import { part10 } from '../../../support/dicom/part10.ts';
import { tags } from '../../../support/dicom/tags.ts';
import { has, install } from '../../../support/dicom/tools.ts';
import { faultOf, unwrap } from '../../../support/family.ts';

/** Odd sizes, so that every halving rounds up. */
const size = { columns: 701, rows: 603 };
const films = new Map<string, Stored>();
beforeAll(async () => {
  for (const bits of [8, 12, 16])
    for (const signed of [false, true]) films.set(`${bits} ${signed}`, await chest({ ...size, bits, signed }));
});
const filmOf = (bits: number, signed = false): Stored => films.get(`${bits} ${signed}`) ?? expect.fail();

const jpeg2000 = '1.2.840.10008.1.2.4.91';
const htj2k = '1.2.840.10008.1.2.4.203';
const fileOf = (film: Stored, stream: Uint8Array, transferSyntax: string, changes: readonly Element[] = []) =>
  new Uint8Array(part10(chestDataset(film, merge(changes, [encapsulated(stream)])), { transferSyntax }));

/** The longer side that a model needs, for which the film is halved this often. */
const sideFor = (halvings: number) => Math.floor(halved(size.columns, halvings) / oversampling);
const atSide = async (file: Uint8Array, longSide?: number): Promise<Decoded> =>
  unwrap(await decodeDicom(file, longSide === undefined ? {} : { sides: [px(longSide)] }));
const digestOf = ({ film, source }: Decoded) => filmDigest(film, source);

/** A stream with damage in its first packets, which every resolution needs. */
const damaged = (stream: Uint8Array) => Buffer.from(stream).fill(0xff, 150, 200);

type Case = readonly [name: string, syntax: string, options: readonly string[], film: () => Stored];
const cases: readonly Case[] = [
  ['JPEG 2000, 8 bits', jpeg2000, ['-I', '-r', '5'], () => filmOf(8)],
  ['JPEG 2000, 12 bits', jpeg2000, ['-I', '-r', '10'], () => filmOf(12)],
  ['JPEG 2000, 12 bits, signed', jpeg2000, ['-I', '-r', '10'], () => filmOf(12, true)],
  ['JPEG 2000, 16 bits', jpeg2000, ['-I', '-r', '10'], () => filmOf(16)],
  ['JPEG 2000, layers', jpeg2000, ['-I', '-r', '20,5', '-p', 'RPCL'], () => filmOf(12)],
  ['JPEG 2000, tiles', jpeg2000, ['-I', '-r', '5', '-t', '150,130', '-SOP', '-EPH', '-PLT'], () => filmOf(12)],
  ['HTJ2K, 8 bits', htj2k, ['-qstep', '0.01'], () => filmOf(8)],
  ['HTJ2K, 12 bits', htj2k, ['-qstep', '0.002', '-prog_order', 'RPCL'], () => filmOf(12)],
  ['HTJ2K, 16 bits', htj2k, ['-qstep', '0.002', '-prog_order', 'LRCP'], () => filmOf(16)],
];

describe.skipIf(!has('opj_compress', 'opj_decompress', 'ojph_compress', 'ojph_expand'))(
  `a film for a small model (${install})`,
  () => {
    test.each(cases)(
      '%s: has the pixels of the encoder’s own tool at each resolution',
      async (_, syntax, options, film) => {
        const stored = film();
        const stream = syntax === htj2k ? openJph(stored, options) : openJpeg(stored, options);
        const file = fileOf(stored, stream, syntax);
        const full = await atSide(file);
        for (const halvings of [1, 2]) {
          const reduced = { ...stored, columns: halved(size.columns, halvings), rows: halved(size.rows, halvings) };
          const back =
            syntax === htj2k
              ? openJphBack(stream, reduced, ['-skip_res', String(halvings)])
              : openJpegBack(stream, reduced, ['-r', String(halvings)]);
          const found = await atSide(file, sideFor(halvings));
          const expected = await decoded(part10(chestDataset(back)));
          const { most } = difference(grays(found.film), grays(expected.film));
          // Another order of additions rounds a few samples differently.
          expect(most, String(halvings)).toBeLessThanOrEqual(1.01 / (2 ** stored.bits - 1));
          expect(found.fullSize).toEqual({ width: size.columns, height: size.rows });
          expect(digestOf(found)).toBe(digestOf(full));
          expect(found.dicom).toEqual(full.dicom);
        }
      },
    );

    test('is decoded in full size if a lower resolution has too few pixels', async () => {
      const stored = filmOf(12);
      const file = fileOf(stored, openJpeg(stored, ['-I']), jpeg2000);
      const whole = await atSide(file, sideFor(1) + 1);
      expect(whole.fullSize).toBeUndefined();
      expect(same(whole.film, (await atSide(file)).film)).toBe(true);
    });

    test('has no lower resolution than the stream has', async () => {
      const stored = filmOf(12);
      for (const resolutions of [2, 3]) {
        const file = fileOf(stored, openJpeg(stored, ['-I', '-n', String(resolutions)]), jpeg2000);
        expect((await atSide(file, 5)).film.width).toBe(halved(size.columns, resolutions - 1));
      }
    });

    const twelveIn16 = () => ({ ...filmOf(12), bits: 16 });
    test.each<[string, () => Stored, (film: Stored) => Uint8Array, Dataset]>([
      ['has a padding value', () => filmOf(12), (film) => openJpeg(film, ['-I']), [short(tags.PixelPaddingValue, 0)]],
      ['has bits above the stored ones', () => filmOf(12), () => openJpeg(twelveIn16(), ['-I']), []],
      ['has signed samples of 8 bits', () => filmOf(8, true), (film) => openJpeg(film, ['-I']), []],
    ])('is decoded in full size if it %s', async (_, film, encode, changes) => {
      const file = fileOf(film(), encode(film()), jpeg2000, changes);
      const found = await atSide(file, sideFor(2));
      expect(found.fullSize).toBeUndefined();
      expect(same(found.film, (await atSide(file)).film)).toBe(true);
    });

    test('is halved by the means of squares if its codestream is lossless or starts beside the origin of its grid', async () => {
      const stored = filmOf(12);
      const plain = await atSide(new Uint8Array(part10(chestDataset(stored))), sideFor(1));
      for (const options of [[], ['-d', '3,5']]) {
        const found = await atSide(fileOf(stored, openJpeg(stored, options), jpeg2000), sideFor(1));
        expect(found.fullSize).toEqual(plain.fullSize);
        expect(same(found.film, plain.film), options.join()).toBe(true);
        expect(digestOf(found)).toBe(digestOf(plain));
      }
    });

    test('is turned and gets square pixels as in full size', async () => {
      const stored = filmOf(12);
      const changes = [text(tags.PatientOrientation, 'CS', 'F\\L'), text(tags.ImagerPixelSpacing, 'DS', '0.2\\0.1')];
      const file = fileOf(stored, openJpeg(stored, ['-I']), jpeg2000, changes);
      const [full, found] = [await atSide(file), await atSide(file, sideFor(1))];
      expect(found.fullSize).toEqual({ width: full.film.width, height: full.film.height });
      expect([found.film.width, found.film.height]).toEqual([2 * halved(size.rows, 1), halved(size.columns, 1)]);
      expect(found.dicom?.view).toEqual(full.dicom?.view);
      // The same picture: the mean gray of each quarter agrees.
      const quarters = ({ film }: Decoded) => {
        const sums = [0, 0, 0, 0];
        grays(film).forEach((gray, i) => {
          const [x, y] = [i % film.width, Math.floor(i / film.width)];
          const quarter = Number(x >= film.width / 2) + 2 * Number(y >= film.height / 2);
          sums[quarter] = (sums[quarter] ?? 0) + (4 * gray) / film.pixels.length;
        });
        return sums;
      };
      quarters(found).forEach((gray, i) => {
        expect(Math.abs(gray - (quarters(full)[i] ?? Number.NaN))).toBeLessThan(0.01);
      });
    });

    test('has another digest if its stream or its rendering changes, and the same if the patient changes', async () => {
      const stored = filmOf(12);
      const stream = openJpeg(stored, ['-I']);
      const digest = async (bytes: Uint8Array, ...changes: Element[]) =>
        digestOf(await atSide(fileOf(stored, bytes, jpeg2000, changes), sideFor(2)));
      const plain = await digest(stream);
      expect(await digest(stream, text(tags.PatientName, 'PN', 'OTHER^NAME'))).toBe(plain);
      // One pixel, and only its last bit: the lower resolution may not show the change.
      const changed = { ...stored, values: stored.values.map((value, i) => (i === 5 ? value ^ 1 : value)) };
      const others = [
        await digest(openJpeg(changed, ['-I'])),
        await digest(stream, text(tags.WindowCenter, 'DS', '1000')),
        await digest(stream, text(tags.PatientOrientation, 'CS', 'R\\F')),
        await digest(stream, text(tags.PresentationLUTShape, 'CS', 'INVERSE')),
        await digest(stream, ...voiLut(stored, Math.sqrt)),
        await digest(stream, ...voiLut(stored, Math.cbrt)),
      ];
      expect(new Set([plain, ...others]).size).toBe(1 + others.length);
    });

    test('is refused with the same fault as in full size if its stream is damaged', async () => {
      const stored = filmOf(12);
      for (const options of [['-I'], ['-I', '-t', '150,130'], ['-I', '-t', '150,130', '-SOP', '-EPH']]) {
        const file = fileOf(stored, damaged(openJpeg(stored, options)), jpeg2000);
        const fault = faultOf(await decodeDicom(file));
        expect(fault).toMatchObject({ code: 'corrupt_image' });
        for (const halvings of [1, 2])
          expect(faultOf(await decodeDicom(file, { sides: [px(sideFor(halvings))] })), options.join()).toEqual(fault);
      }
    });

    test('is read after and between films that break the codec', async () => {
      const stored = filmOf(12);
      const good = fileOf(stored, openJpeg(stored, ['-I']), jpeg2000);
      const broken = fileOf(stored, damaged(openJpeg(stored, ['-I', '-t', '150,130'])), jpeg2000);
      const longSide = sideFor(1);
      const expected = await atSide(good, longSide);
      const results = await Promise.all(
        [good, broken, good, broken, good].map((file) => decodeDicom(file, { sides: [px(longSide)] })),
      );
      expect(results.map(({ ok }) => ok)).toEqual([true, false, true, false, true]);
      for (const result of results) if (result.ok) expect(same(result.value.film, expected.film)).toBe(true);
    });
  },
);

describe.skipIf(!has('opj_compress'))(`the codec of lower resolutions (${install})`, () => {
  test('is stopped if it takes more memory than a frame of its size needs', { timeout: 120_000 }, async () => {
    const film = await chest({ columns: 1500, rows: 1500, bits: 12 });
    const shape = { columns: 1500, rows: 1500, components: 1, precision: 12, isSigned: false, isLossy: false };
    const bytes = inComponentPrecincts(openJpeg(film, ['-r', '100']), 1);
    const frame = { encoding: 'jpeg2000', bytes, shape } as const;
    expect(await reducedResolutionCodec(frame, 1)).toEqual({ ok: false, fault: 'memoryExceeded' });
    expect(await dcmjsCodec(frame, 0)).toEqual({ ok: false, fault: 'memoryExceeded' });
    const good = openJpeg(film, ['-I']);
    expect(await reducedResolutionCodec({ encoding: 'jpeg2000', bytes: good, shape }, 1)).toMatchObject({ ok: true });
  });
});
