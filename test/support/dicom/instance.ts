import { createHash } from 'node:crypto';
import { type Dataset, type Element, merge } from './element.ts';
import { range, type Stored, sampleBytes } from './film.ts';
import { tags } from './tags.ts';

export const sopClasses = {
  computedRadiography: '1.2.840.10008.5.1.4.1.1.1',
  digitalXRayForPresentation: '1.2.840.10008.5.1.4.1.1.1.1',
  digitalXRayForProcessing: '1.2.840.10008.5.1.4.1.1.1.1.1',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
} as const;

/** A private UID, equal for equal labels (PS3.5 B.2). */
export function uid(label: string): string {
  const hex = createHash('sha256').update(label).digest('hex').slice(0, 32);
  return `2.25.${BigInt(`0x${hex}`)}`;
}

export const text = (tag: number, vr: string, value: string | Uint8Array): Element => ({ tag, vr, value });
export const short = (tag: number, ...value: readonly number[]): Element => ({ tag, vr: 'US', value });
export const sequence = (tag: number, ...items: readonly Dataset[]): Element => ({ tag, vr: 'SQ', items });

/** Window Center and Width over exactly the stored values: LINEAR then maps them evenly (PS3.3 C.11.2.1.2.1). */
export const wholeWindow = (film: Pick<Stored, 'bits' | 'signed'>): Dataset => [
  text(tags.WindowCenter, 'DS', String((range(film).low + range(film).high + 1) / 2)),
  text(tags.WindowWidth, 'DS', String(2 ** film.bits)),
];

/** A PA chest film of an invented patient. */
export function chestDataset(film: Stored, ...changes: readonly Dataset[]): Dataset {
  const { columns, rows, bits, signed } = film;
  const base: Dataset = [
    text(tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'),
    text(tags.ImageType, 'CS', 'ORIGINAL\\PRIMARY'),
    text(tags.SOPClassUID, 'UI', sopClasses.digitalXRayForPresentation),
    text(tags.SOPInstanceUID, 'UI', uid('instance')),
    text(tags.StudyDate, 'DA', '20200102'),
    text(tags.StudyTime, 'TM', '030405'),
    text(tags.AccessionNumber, 'SH', 'ALARA-ACC-1'),
    text(tags.Modality, 'CS', 'DX'),
    text(tags.PresentationIntentType, 'CS', 'FOR PRESENTATION'),
    text(tags.Manufacturer, 'LO', 'Alara tests'),
    text(tags.ReferringPhysicianName, 'PN', 'ALARA^REFERRER'),
    text(tags.StudyDescription, 'LO', 'Chest PA, test film'),
    text(tags.PatientName, 'PN', 'ALARA^TEST'),
    text(tags.PatientID, 'LO', 'ALARA-TEST-1'),
    text(tags.PatientBirthDate, 'DA', '19700101'),
    text(tags.PatientSex, 'CS', 'O'),
    text(tags.BodyPartExamined, 'CS', 'CHEST'),
    text(tags.ImagerPixelSpacing, 'DS', '0.143\\0.143'),
    text(tags.ViewPosition, 'CS', 'PA'),
    text(tags.StudyInstanceUID, 'UI', uid('study')),
    text(tags.SeriesInstanceUID, 'UI', uid('series')),
    text(tags.StudyID, 'SH', '1'),
    text(tags.SeriesNumber, 'IS', '1'),
    text(tags.InstanceNumber, 'IS', '1'),
    text(tags.PatientOrientation, 'CS', 'L\\F'),
    text(tags.ImageLaterality, 'CS', 'U'),
    sequence(tags.AnatomicRegionSequence, [
      // PS3.16 CID 4.
      text(tags.CodeValue, 'SH', '51185008'),
      text(tags.CodingSchemeDesignator, 'SH', 'SCT'),
      text(tags.CodeMeaning, 'LO', 'Chest'),
    ]),
    text(tags.DetectorType, 'CS', ''),
    text(tags.PositionerType, 'CS', ''),
    sequence(tags.AcquisitionContextSequence),
    text(tags.BurnedInAnnotation, 'CS', 'NO'),
    short(tags.SamplesPerPixel, 1),
    text(tags.PhotometricInterpretation, 'CS', 'MONOCHROME2'),
    short(tags.Rows, rows),
    short(tags.Columns, columns),
    short(tags.BitsAllocated, bits > 8 ? 16 : 8),
    short(tags.BitsStored, bits),
    short(tags.HighBit, bits - 1),
    short(tags.PixelRepresentation, signed ? 1 : 0),
    text(tags.PixelIntensityRelationship, 'CS', 'LIN'),
    { tag: tags.PixelIntensityRelationshipSign, vr: 'SS', value: [1] },
    ...wholeWindow(film),
    text(tags.RescaleIntercept, 'DS', '0'),
    text(tags.RescaleSlope, 'DS', '1'),
    text(tags.RescaleType, 'LO', 'US'),
    text(tags.LossyImageCompression, 'CS', '00'),
    text(tags.PresentationLUTShape, 'CS', 'IDENTITY'),
    native(film),
  ];
  return merge(base, ...changes);
}

/** MONOCHROME1 and its accompanying attributes. */
export const monochrome1: Dataset = [
  text(tags.PhotometricInterpretation, 'CS', 'MONOCHROME1'),
  text(tags.PresentationLUTShape, 'CS', 'INVERSE'),
  { tag: tags.PixelIntensityRelationshipSign, vr: 'SS', value: [-1] },
];

/** A VOI LUT in place of the window: one word per input value, from the least stored value (PS3.3 C.11.2.1.1). */
export function voiLut(film: Stored, curve: (share: number) => number): Dataset {
  const { low, high } = range(film);
  const entries = high - low + 1;
  const words = Uint16Array.from({ length: entries }, (_, i) => Math.round(65_535 * curve(i / (entries - 1))));
  return [
    sequence(tags.VOILUTSequence, [
      {
        tag: tags.LUTDescriptor,
        vr: film.signed ? 'SS' : 'US',
        // The number of entries 2^16 is written as 0.
        value: [entries % 65_536, low, 16],
      },
      { tag: tags.LUTData, vr: 'OW', value: new Uint8Array(words.buffer) },
    ]),
  ];
}

/** Native pixel data. */
export const native = (film: Stored): Element => ({
  tag: tags.PixelData,
  vr: film.bits > 8 ? 'OW' : 'OB',
  value: sampleBytes(film),
});

/** Encapsulated pixel data: an empty offset table, then the frame in one fragment or in fragments of even size. */
export function encapsulated(frame: Uint8Array, pieces = 1): Element {
  const size = 2 * Math.ceil(frame.length / pieces / 2);
  const fragments = Array.from({ length: pieces }, (_, i) => frame.subarray(i * size, (i + 1) * size));
  return { tag: tags.PixelData, vr: 'OB', fragments: [new Uint8Array(0), ...fragments] };
}

/**
 * Three spellings of an invented name: in ISO 8859-1, in Unicode, and in the Japanese encoding of PS3.5 H.3.1, with
 * ideographs ("test") that escape to JIS X 0208.
 */
export const names = {
  'ISO_IR 100': { bytes: Buffer.from('ALÄRÅ^TÉST', 'latin1'), text: 'ALÄRÅ^TÉST' },
  'ISO_IR 192': { bytes: Buffer.from('ALÄRA^TEST=試験^放射', 'utf8'), text: 'ALÄRA^TEST=試験^放射' },
  '\\ISO 2022 IR 87': {
    bytes: Buffer.from('ALARA^TEST=\x1b$B;n83\x1b(B^\x1b$B;n83\x1b(B', 'latin1'),
    text: 'ALARA^TEST=試験^試験',
  },
} as const;

export const named = (characterSet: keyof typeof names): Dataset => [
  text(tags.SpecificCharacterSet, 'CS', characterSet),
  text(tags.PatientName, 'PN', names[characterSet].bytes),
];
