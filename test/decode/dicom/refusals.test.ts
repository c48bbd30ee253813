import { describe, expect, test } from 'vitest';
import { manufacturer, sopClasses as read } from '../../../functions/core/dicom-dictionary.ts';
import { decodeDicom } from '../../../functions/decode/dicom/decode.ts';
import { inspect } from '../../../functions/decode/dicom/inspect.ts';
import { type Dataset, type Element, merge, without } from '../../support/dicom/element.ts';
import type { Stored } from '../../support/dicom/film.ts';
import { chestDataset, sequence, short, sopClasses, text } from '../../support/dicom/instance.ts';
import { part10 } from '../../support/dicom/part10.ts';
import { tags } from '../../support/dicom/tags.ts';
import { faultOf, unwrap } from '../../support/family.ts';

const film: Stored = {
  columns: 128,
  rows: 128,
  bits: 8,
  signed: false,
  values: Int32Array.from({ length: 128 * 128 }, (_, i) => i % 256),
};
const viewCodeSequence = 0x0054_0220;
const file = (...changes: Element[]) => new Uint8Array(part10(chestDataset(film, changes)));
const code = (sequenceTag: number, scheme: string, value: string) =>
  sequence(sequenceTag, [
    text(tags.CodeValue, 'SH', value),
    text(tags.CodingSchemeDesignator, 'SH', scheme),
    text(tags.CodeMeaning, 'LO', 'a meaning'),
  ]);
const sopClass = (uid: string) => text(tags.SOPClassUID, 'UI', uid);
const known = read.map(({ uid }) => uid);

/** The identifiers of a patient or an order in the test data set. */
const secrets = ['ALARA', 'Chest PA', '19700101', '20200102', '030405', '2.25.'];

async function refuse(bytes: Uint8Array) {
  const fault = faultOf(await decodeDicom(bytes));
  // The header alone decides, so the film is not downloaded or queued.
  expect(faultOf(inspect(bytes))).toEqual(fault);
  const told = JSON.stringify(fault);
  for (const secret of secrets) expect(told).not.toContain(secret);
  return fault;
}

describe('refused by name', () => {
  test.each<[string, Element[], object]>([
    ['a lateral view, left', [text(tags.ViewPosition, 'CS', 'LL')], { code: 'not_frontal_view', view: 'LL' }],
    ['a lateral view, right', [text(tags.ViewPosition, 'CS', 'RL')], { code: 'not_frontal_view', view: 'RL' }],
    ['LATERAL', [text(tags.ViewPosition, 'CS', 'LATERAL')], { code: 'not_frontal_view', view: 'LATERAL' }],
    ['a lower-case lateral view', [text(tags.ViewPosition, 'CS', 'Chest lat.')], { code: 'not_frontal_view' }],
    ['a decubitus view', [text(tags.ViewPosition, 'CS', 'LLD')], { code: 'not_frontal_view', view: 'LLD' }],
    ['an oblique view', [text(tags.ViewPosition, 'CS', 'RAO')], { code: 'not_frontal_view', view: 'RAO' }],
    ...[
      ...['LLATERAL', 'LEFTLATERAL', 'LATL', 'XTLAT', 'LATERO', 'LATEROLATERAL', 'PA_LAT', 'LEFT LATERAL', 'RLAT'],
      ...['LLDECUB', 'PROFIL', 'SEITLICH', 'OBL', 'LAO/RAO'],
    ].map((view): [string, Element[], object] => [
      `the view ${view}`,
      [text(tags.ViewPosition, 'CS', view)],
      { code: 'not_frontal_view', view },
    ]),
    ...['SNM3', '99SDM', 'SNOMED', '2.16.840.1.113883.6.96'].map((scheme): [string, Element[], object] => [
      `a left lateral view by its code in ${scheme}`,
      [text(tags.ViewPosition, 'CS', ''), code(viewCodeSequence, scheme, 'R-10236')],
      { code: 'not_frontal_view', view: `${scheme} R-10236` },
    ]),
    ...['THORACIC SPINE', 'TSPINE', 'BRUSTWIRBEL', 'TRUNK', 'RIBS'].map((part): [string, Element[], object] => [
      `the body part ${part}`,
      [text(tags.BodyPartExamined, 'CS', part)],
      { code: 'not_chest' },
    ]),
    [
      'a chest with the code of a knee',
      [code(tags.AnatomicRegionSequence, 'SRT', 'T-D9200')],
      { code: 'not_chest', bodyPart: 'SRT T-D9200' },
    ],
    [
      'another region with an unknown code',
      [text(tags.BodyPartExamined, 'CS', ''), code(tags.AnatomicRegionSequence, 'SCT', '87953007')],
      { code: 'not_chest', bodyPart: 'Anatomic Region Sequence (its code is not a code of the chest)' },
    ],
    [
      'a lateral view by code',
      [text(tags.ViewPosition, 'CS', ''), code(viewCodeSequence, 'SCT', '399067008')],
      { code: 'not_frontal_view', view: 'SCT 399067008' },
    ],
    [
      'a left lateral view by older code',
      [text(tags.ViewPosition, 'CS', ''), code(viewCodeSequence, 'SRT', 'R-10236')],
      { code: 'not_frontal_view', view: 'SRT R-10236' },
    ],
    [
      'a lateral view by Patient Orientation',
      [text(tags.ViewPosition, 'CS', ''), text(tags.PatientOrientation, 'CS', 'A\\F')],
      { code: 'not_frontal_view', view: 'Patient Orientation A\\F' },
    ],
    ['a hand', [text(tags.BodyPartExamined, 'CS', 'HAND')], { code: 'not_chest', bodyPart: 'HAND' }],
    ['ribs', [text(tags.BodyPartExamined, 'CS', 'RIB')], { code: 'not_chest', bodyPart: 'RIB' }],
    ['chest and abdomen', [text(tags.BodyPartExamined, 'CS', 'CHESTABDOMEN')], { code: 'not_chest' }],
    [
      'chest and abdomen by code',
      [text(tags.BodyPartExamined, 'CS', ''), code(tags.AnatomicRegionSequence, 'SRT', 'R-FAB55')],
      { code: 'not_chest' },
    ],
    [
      'a skull by code',
      [text(tags.BodyPartExamined, 'CS', ''), code(tags.AnatomicRegionSequence, 'SCT', '89546000')],
      { code: 'not_chest', bodyPart: 'SCT 89546000' },
    ],
    [
      'a CT slice',
      [sopClass('1.2.840.10008.5.1.4.1.1.2')],
      { code: 'unsupported_sop_class', sopClass: '1.2.840.10008.5.1.4.1.1.2', known },
    ],
    [
      'a DX for processing',
      [sopClass(sopClasses.digitalXRayForProcessing)],
      { code: 'unsupported_sop_class', sopClass: sopClasses.digitalXRayForProcessing },
    ],
    [
      'a film for processing in another class',
      [text(tags.PresentationIntentType, 'CS', 'FOR PROCESSING')],
      { code: 'unsupported_sop_class', sopClass: `${sopClasses.digitalXRayForPresentation} FOR PROCESSING` },
    ],
    ...['For Processing', 'FOR_PROCESSING', 'for  processing'].map((intent): [string, Element[], object] => [
      `a film that is ${intent}`,
      [text(tags.PresentationIntentType, 'CS', intent)],
      { code: 'unsupported_sop_class', sopClass: `${sopClasses.digitalXRayForPresentation} FOR PROCESSING` },
    ]),
    [
      'a sideways patient in lower case',
      [text(tags.PatientOrientation, 'CS', 'a\\f')],
      { code: 'not_frontal_view', view: 'Patient Orientation A\\F' },
    ],
    ['an object of Alara', [text(tags.Manufacturer, 'LO', manufacturer)], { code: 'own_object' }],
    [
      'a report of Alara, which also has an unsupported class',
      [text(tags.Manufacturer, 'LO', manufacturer), sopClass('1.2.840.10008.5.1.4.1.1.88.34')],
      { code: 'own_object', sopClass: '1.2.840.10008.5.1.4.1.1.88.34' },
    ],
    ['two frames', [text(tags.NumberOfFrames, 'IS', '2')], { code: 'multi_frame', frames: 2 }],
    [
      'RGB',
      [text(tags.PhotometricInterpretation, 'CS', 'RGB'), short(tags.SamplesPerPixel, 3)],
      {
        code: 'colour_image',
        problem: 'Photometric Interpretation (0028,0004) is RGB, Samples per Pixel (0028,0002) is 3',
      },
    ],
    ['a palette', [text(tags.PhotometricInterpretation, 'CS', 'PALETTE COLOR')], { code: 'colour_image' }],
    [
      'gray with three samples',
      [short(tags.SamplesPerPixel, 3)],
      {
        code: 'colour_image',
        problem: 'Samples per Pixel (0028,0002) is 3, but Photometric Interpretation (0028,0004) is MONOCHROME2',
      },
    ],
    ['no samples', [short(tags.SamplesPerPixel, 0)], { code: 'unusable_header' }],
    [
      'an ambiguous photometric interpretation',
      [text(tags.PhotometricInterpretation, 'CS', 'ALARA^TEST')],
      {
        code: 'colour_image',
        problem: 'Photometric Interpretation (0028,0004) is not gray, Samples per Pixel (0028,0002) is 1',
      },
    ],
    ['a thumbnail', [short(tags.Rows, 100)], { code: 'too_small', shortSide: 100, floor: 128 }],
    [
      'a giant',
      [short(tags.Rows, 9000), short(tags.Columns, 9000)],
      { code: 'too_many_pixels', width: 9000, height: 9000, limit: 64_000_000 },
    ],
    [
      '32 bits allocated',
      [short(tags.BitsAllocated, 32)],
      { code: 'unusable_header', problem: 'Bits Allocated (0028,0100) is 32; only 8 and 16 are supported' },
    ],
    ['no study', [text(tags.StudyInstanceUID, 'UI', '')], { code: 'unusable_header' }],
    ['an invalid instance UID', [text(tags.SOPInstanceUID, 'UI', 'ALARA TEST')], { code: 'unusable_header' }],
    [
      'an invalid number of frames',
      [text(tags.NumberOfFrames, 'IS', '0')],
      { code: 'unusable_header', problem: 'Number of Frames (0028,0008) is not a positive integer' },
    ],
  ])('%s', async (_, changes, fault) => {
    expect(await refuse(file(...changes))).toMatchObject(fault);
  });

  // People configure devices, and put names where codes belong.
  test.each<[string, Element[], object]>([
    ['a name as body part', [text(tags.BodyPartExamined, 'CS', 'ALARA^TEST 1970')], { code: 'not_chest' }],
    ['a name in the form of a code', [text(tags.BodyPartExamined, 'CS', 'HAND ALARA')], { code: 'not_chest' }],
    ['a date as body part', [text(tags.BodyPartExamined, 'CS', '19700101 KNEE')], { code: 'not_chest' }],
    ['a name as view', [text(tags.ViewPosition, 'CS', 'LAT ALARA')], { code: 'not_frontal_view' }],
    [
      'a name as a region',
      [text(tags.BodyPartExamined, 'CS', ''), code(tags.AnatomicRegionSequence, 'SCT', 'ALARA TEST')],
      { code: 'not_chest' },
    ],
  ])('%s, without quoting it', async (_, changes, fault) => {
    expect(await refuse(file(...changes))).toMatchObject(fault);
  });

  test('a file without pixel data', async () => {
    const bare = new Uint8Array(part10(without(chestDataset(film), tags.PixelData)));
    expect(await refuse(bare)).toEqual({ code: 'corrupt_image', problem: 'Pixel Data (7FE0,0010) is absent' });
  });

  test.each([
    [0x7fe0_0008, 'OF', 'the file has Float Pixel Data (7FE0,0008) instead of Pixel Data (7FE0,0010)'],
    [0x7fe0_0009, 'OD', 'the file has Double Float Pixel Data (7FE0,0009) instead of Pixel Data (7FE0,0010)'],
  ])('floating point pixels in element %i', async (tag, vr, problem) => {
    const others = without(chestDataset(film), tags.PixelData);
    const bytes = new Uint8Array(part10(merge(others, [{ tag, vr, value: Buffer.alloc(16 * 16 * 8) }])));
    expect(await refuse(bytes)).toEqual({ code: 'unusable_header', problem });
  });

  test('random bytes, a PNG, and no bytes', async () => {
    expect(await refuse(new Uint8Array(500))).toEqual({ code: 'not_an_image', declared: 'application/dicom' });
    expect(await refuse(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0))).toMatchObject({
      code: 'media_type_mismatch',
      found: 'image/png',
    });
    expect(await refuse(new Uint8Array(0))).toEqual({ code: 'empty_body' });
  });

  test('a transfer syntax, of which only digits and dots are quoted', async () => {
    const mpeg = new Uint8Array(part10(chestDataset(film), { transferSyntax: '1.2.840.10008.1.2.4.102' }));
    expect(await refuse(mpeg)).toMatchObject({
      code: 'unsupported_transfer_syntax',
      transferSyntax: '1.2.840.10008.1.2.4.102',
      known: expect.arrayContaining(['1.2.840.10008.1.2.4.90']),
    });
    const odd = new Uint8Array(part10(chestDataset(film), { transferSyntax: 'ALARA^1.2' }));
    expect(await refuse(odd)).toMatchObject({ transferSyntax: '??????1.2' });
  });
});

describe('not refused', () => {
  const noView = text(tags.ViewPosition, 'CS', '');
  const noPart = text(tags.BodyPartExamined, 'CS', '');
  test.each<[string, Element[]]>([
    ['AP', [text(tags.ViewPosition, 'CS', 'AP')]],
    ['an uninformative view', [text(tags.ViewPosition, 'CS', 'PORTABLE')]],
    ['no view', [noView]],
    ['PA by code', [noView, code(viewCodeSequence, 'SCT', '272479007')]],
    ['THORAX', [text(tags.BodyPartExamined, 'CS', 'THORAX')]],
    ['a chest with more words', [text(tags.BodyPartExamined, 'CS', 'Chest, PA')]],
    ...[
      'CHESTPA',
      'CHEST2',
      'Chest_AP',
      'CXR',
      'BRUST',
      'BRUSTKORB',
      'T\xd3RAX',
      'TORAX',
      'LUNGS',
      'PULMO THORACIS',
    ].map((part): [string, Element[]] => [`the body part ${part}`, [text(tags.BodyPartExamined, 'CS', part)]]),
    ...['UNKNOWN', 'OTHER', 'NONE', 'N/A'].map((part): [string, Element[]] => [
      `the body part ${part}, which says nothing`,
      [text(tags.BodyPartExamined, 'CS', part)],
    ]),
    ['a chest and an unknown region', [code(tags.AnatomicRegionSequence, 'SCT', '87953007')]],
    ['a region of a private scheme', [noPart, code(tags.AnatomicRegionSequence, '99ALARA', 'KNEE')]],
    ['PA BILATERAL', [text(tags.ViewPosition, 'CS', 'PA BILATERAL')]],
    ['no body part, chest by code', [noPart]],
    ['no body part, chest by its code since 2020', [noPart, code(tags.AnatomicRegionSequence, 'SCT', '816094009')]],
    ['no body part and no code', [noPart, sequence(tags.AnatomicRegionSequence)]],
    ['a CR', [sopClass(sopClasses.computedRadiography), text(tags.Modality, 'CS', 'CR')]],
    ['a Secondary Capture', [sopClass(sopClasses.secondaryCapture)]],
    [
      'a multi-frame Secondary Capture of one frame',
      [sopClass('1.2.840.10008.5.1.4.1.1.7.2'), text(tags.NumberOfFrames, 'IS', '1')],
    ],
    ['another manufacturer', [text(tags.Manufacturer, 'LO', 'Alara Inc')]],
    ['leading zeros in a UID', [text(tags.StudyInstanceUID, 'UI', '1.02.3')]],
  ])('%s', async (_, changes) => {
    const bytes = file(...changes);
    unwrap(inspect(bytes));
    unwrap(await decodeDicom(bytes));
  });

  test('names where codes belong, which the reading does not contain', async () => {
    const { dicom } = unwrap(
      await decodeDicom(
        file(
          text(tags.BodyPartExamined, 'CS', 'CHEST ALARA'),
          text(tags.ViewPosition, 'CS', 'PA ALARA'),
          text(tags.ImageLaterality, 'CS', 'ALARA'),
          text(tags.Modality, 'CS', 'ALARA'),
          // Not a direction, despite its first letter.
          text(tags.PatientOrientation, 'CS', 'ALARA\\F'),
        ),
      ),
    );
    expect(JSON.stringify(dicom?.view)).not.toContain('ALARA');
    expect(dicom?.view).toMatchObject({ modality: 'OT', rendering: expect.stringContaining('window') });
  });

  test('a data set with only the required attributes', async () => {
    const needed: readonly number[] = [
      ...[tags.SOPClassUID, tags.SOPInstanceUID, tags.StudyInstanceUID, tags.SeriesInstanceUID],
      ...[tags.PhotometricInterpretation, tags.Rows, tags.Columns, tags.BitsAllocated, tags.PixelData],
    ];
    const sparse: Dataset = merge(chestDataset(film)).filter(({ tag }) => needed.includes(tag));
    const { dicom } = unwrap(await decodeDicom(new Uint8Array(part10(sparse))));
    expect(dicom?.view).toEqual({
      sopClass: 'Digital X-Ray Image Storage - For Presentation',
      transferSyntax: '1.2.840.10008.1.2.1',
      modality: 'OT',
      photometric: 'MONOCHROME2',
      bits: 8,
      rendering: 'no VOI LUT or window, so full range: 0 to 255',
    });
  });
});
