import { describe, expect, test } from 'vitest';
import { sopClasses } from '../../../functions/core/dicom-dictionary.ts';
import { DicomView } from '../../../functions/core/dicom-view.ts';
import { Instance } from '../../../functions/core/instance.ts';
import { decode } from '../../../functions/decode/decode.ts';
import { inspect } from '../../../functions/decode/dicom/inspect.ts';
import { transferSyntaxes } from '../../../functions/decode/dicom/parse/transfer-syntaxes.ts';
import { chest } from '../../support/dicom/film.ts';
import { chestDataset, named, names, text, uid } from '../../support/dicom/instance.ts';
import { part10 } from '../../support/dicom/part10.ts';
import { tags } from '../../support/dicom/tags.ts';
import { faultOf, unwrap } from '../../support/family.ts';

const film = await chest({ columns: 200, rows: 180, bits: 12 });
const file = part10(chestDataset(film));
const read = async (bytes: Uint8Array) => unwrap(await decode(bytes, 'application/dicom'));

test('a DICOM file becomes a film, the image attributes of its header, and its patient identifiers', async () => {
  const { film, dicom } = await read(file);
  expect(film).toMatchObject({ width: 200, height: 180, pixels: expect.any(Uint16Array) });
  expect(dicom?.view).toEqual({
    sopClass: 'Digital X-Ray Image Storage - For Presentation',
    transferSyntax: '1.2.840.10008.1.2.1',
    modality: 'DX',
    bodyPart: 'CHEST',
    viewPosition: 'PA',
    laterality: 'U',
    photometric: 'MONOCHROME2',
    bits: 12,
    rendering: 'window 2048 / 4096 LINEAR',
  });
  expect(dicom?.instance).toEqual({
    sopClassUid: '1.2.840.10008.5.1.4.1.1.1.1',
    sopInstanceUid: uid('instance'),
    seriesInstanceUid: uid('series'),
    studyInstanceUid: uid('study'),
    modality: 'DX',
    seriesNumber: '1',
    instanceNumber: '1',
    rows: 180,
    columns: 200,
    patient: { name: 'ALARA^TEST', id: 'ALARA-TEST-1', birthDate: '19700101', sex: 'O' },
    study: {
      date: '20200102',
      time: '030405',
      id: '1',
      accessionNumber: 'ALARA-ACC-1',
      description: 'Chest PA, test film',
      referringPhysician: 'ALARA^REFERRER',
    },
  });
  expect(DicomView.parse(dicom?.view)).toEqual(dicom?.view);
  expect(Instance.parse(dicom?.instance)).toEqual(dicom?.instance);
  expect(unwrap(inspect(file))).toEqual(dicom?.instance);
});

test('the view contains nothing of the patient or the study', async () => {
  const told = JSON.stringify((await read(file)).dicom?.view);
  for (const secret of ['ALARA', '19700101', '20200102', '2.25.', 'test film']) expect(told).not.toContain(secret);
});

test.each(Object.keys(names) as (keyof typeof names)[])('names are decoded to Unicode from %s', async (charset) => {
  const { dicom } = await read(part10(chestDataset(film, named(charset))));
  expect(dicom?.instance.patient.name).toBe(names[charset].text);
});

describe('the bytes decide, not the declared type', () => {
  test('DICOM that is declared as PNG', async () => {
    const { film, warnings } = unwrap(await decode(file, 'image/png'));
    expect(film).toEqual((await read(file)).film);
    expect(warnings).toMatchObject([{ code: 'media_type_mismatch', found: 'application/dicom' }]);
  });

  test('a preamble that looks like another format', async () => {
    const dual = Buffer.from(file);
    dual.set([0xff, 0xd8, 0xff, 0xe0]);
    expect((await read(dual)).film.width).toBe(200);
  });
});

test('an empty value is treated like an absent one', async () => {
  const { dicom } = await read(
    part10(chestDataset(film, [text(tags.PatientName, 'PN', ''), text(tags.PatientSex, 'CS', '  ')])),
  );
  expect(dicom?.instance.patient).toEqual({ id: 'ALARA-TEST-1', birthDate: '19700101' });
});

describe('an unexpected error in a file', () => {
  /** Bytes that throw an error with their content when the patient's name is read. */
  class Booby extends Uint8Array<ArrayBuffer> {
    override subarray(start = 0, end = this.length): Uint8Array<ArrayBuffer> {
      const part = super.subarray(start, end);
      if (Buffer.from(part).toString('latin1') === 'ALARA^TEST') throw new TypeError('what of ALARA^TEST?');
      return part;
    }
  }

  const booby = () => new Booby(new Uint8Array(file).buffer);

  test('is reported as a fault of the file', async () => {
    const bugs: unknown[] = [];
    const report = (error: unknown) => bugs.push(error);
    const answers = [
      await decode(booby(), 'application/dicom', { report }),
      inspect(booby(), report),
      inspect(booby()),
    ];
    for (const answer of answers) expect(faultOf(answer)).toMatchObject({ code: 'corrupt_image' });
    expect(bugs).toEqual([expect.any(TypeError), expect.any(TypeError)]);
    expect(JSON.stringify(answers)).not.toContain('ALARA');
  });
});

test('no UID is listed twice', () => {
  for (const list of [sopClasses, transferSyntaxes]) expect(new Set(list.map(({ uid }) => uid)).size).toBe(list.length);
});
