import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FilmReading } from '../../functions/reading/read.ts';
import { encoders } from '../support/dicom/encoders.ts';
import { type DicomReader, openDicomReader } from '../support/dicom/engine.ts';
import { chest, complement, type Stored } from '../support/dicom/film.ts';
import { chestDataset, monochrome1, named, names, native, sopClasses, text, uid } from '../support/dicom/instance.ts';
import { part10, transferSyntaxes } from '../support/dicom/part10.ts';
import { tags } from '../support/dicom/tags.ts';
import { has, install } from '../support/dicom/tools.ts';
import { unwrap } from '../support/family.ts';

const programs = [...new Set(encoders.flatMap((encoder) => encoder.programs))];

let reader: DicomReader;
let stored: Stored;
let eight: Stored;
beforeAll(async () => {
  reader = await openDicomReader(60_000);
  stored = await chest({ columns: 601, rows: 643, bits: 12 });
  eight = await chest({ columns: 601, rows: 643, bits: 8 });
});
afterAll(() => reader.close());

const read = async (file: Uint8Array): Promise<FilmReading> => unwrap(await reader.read(file));
const probabilities = ({ reading }: FilmReading) => reading.findings.map(({ probability }) => probability);

describe.skipIf(!has(...programs))(`a chest film through the whole engine (${install})`, () => {
  test.each(encoders)('$name', async ({ encode, lossless, depths, transferSyntax }) => {
    const film = depths.some(({ bits, signed }) => bits === 12 && !signed) ? stored : eight;
    const original = probabilities(await read(part10(chestDataset(film))));
    const answer = await read(encode(film));
    expect(answer.reading.dicom).toMatchObject({ transferSyntax, modality: 'DX', viewPosition: 'PA' });
    expect(answer.reading.film).toMatchObject({ width: 601, height: 643 });
    expect(original.length).toBeGreaterThan(10);
    const shifts = probabilities(answer).map((value, i) => Math.abs(value - (original[i] ?? Number.NaN)));
    // A lossless film gives identical values. A lossy film is a different input, but has the same reading.
    expect(Math.max(...shifts)).toBeLessThanOrEqual(lossless ? 0 : 0.1);
  });
});

describe('a chest film through the whole engine', () => {
  test.each(Object.values(transferSyntaxes))(
    'has the same reading in %s, with or without a preamble',
    async (transferSyntax) => {
      const original = probabilities(await read(part10(chestDataset(stored))));
      for (const preamble of [true, false])
        expect(probabilities(await read(part10(chestDataset(stored), { transferSyntax, preamble })))).toEqual(original);
    },
  );

  test('has the same reading as MONOCHROME1', async () => {
    const inverted = part10(chestDataset(stored, [native(complement(stored))], monochrome1));
    expect(probabilities(await read(inverted))).toEqual(probabilities(await read(part10(chestDataset(stored)))));
  });

  test('returns its patient in the instance and never in the reading', async () => {
    const { reading, instance } = await read(part10(chestDataset(stored)));
    expect(instance).toMatchObject({
      sopClassUid: sopClasses.digitalXRayForPresentation,
      sopInstanceUid: uid('instance'),
      seriesInstanceUid: uid('series'),
      studyInstanceUid: uid('study'),
      modality: 'DX',
      rows: 643,
      columns: 601,
      patient: { name: 'ALARA^TEST', id: 'ALARA-TEST-1', birthDate: '19700101', sex: 'O' },
      study: { date: '20200102', time: '030405', accessionNumber: 'ALARA-ACC-1' },
    });
    expect(JSON.stringify(reading)).not.toMatch(/ALARA.(TEST|ACC|REFERRER)|19700101|2\.25\./);
  });

  test.each(Object.keys(names) as (keyof typeof names)[])('has its name in Unicode from %s', async (characterSet) => {
    const file = part10(chestDataset(eight, named(characterSet)));
    expect(unwrap(await reader.inspect(file)).patient.name).toBe(names[characterSet].text);
    expect((await read(file)).instance?.patient.name).toBe(names[characterSet].text);
  });

  test('is inspected with the same result as its reading', async () => {
    const file = part10(
      chestDataset(stored, [
        text(tags.Modality, 'CS', 'CR'),
        text(tags.SOPClassUID, 'UI', sopClasses.computedRadiography),
      ]),
    );
    expect(unwrap(await reader.inspect(file))).toEqual((await read(file)).instance);
  });
});
