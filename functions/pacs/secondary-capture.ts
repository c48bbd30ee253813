import { resize } from '../pipeline/decode/resize.ts';
import { type Film, white } from '../pipeline/film.ts';
import { notice, type Reading } from '../pipeline/reading.ts';
import { px } from '../pipeline/units.ts';
import { type About, catalogDigest, type IdentifiedRead } from './about.ts';
import { readable } from './codes.ts';
import { part10 } from './part10.ts';
import { equipment, localTime, modelName, patientAndStudy } from './part10-modules.ts';
import { numberOf } from './part10-values.ts';
import { type Picture, sideBySide, textPicture } from './secondary-capture-picture.ts';
import { coded } from './sr/item.ts';
import { band, byCall, percent } from './summary.ts';
import { uidsOf } from './tracking.ts';

export const secondaryCaptureStorage = '1.2.840.10008.5.1.4.1.1.7';

/** The longest side of the film in the picture: enough to tell which film it is, too little to read it anew. */
const maxSide = 1024;

/** What was read, burnt into a small copy of the film, for viewers that show no SR: a DICOM file. */
export async function secondaryCapture(
  { reading, instance }: IdentifiedRead,
  film: Film,
  about: About,
): Promise<Uint8Array<ArrayBuffer>> {
  const { sc, scSeries } = uidsOf({ reading, instance }, about);
  const { date, time } = localTime(reading.createdAt);
  const { width, height, pixels } = sideBySide([await small(film), textPicture(panel(reading, about))]);
  return part10(
    {
      SOPClassUID: secondaryCaptureStorage,
      SOPInstanceUID: sc,
      InstanceCreationDate: date,
      InstanceCreationTime: time,
      ...patientAndStudy(instance),
      ...equipment(reading, about),
      // General Series and SC Equipment (PS3.3 C.7.3.1, C.8.6.1)
      Modality: 'OT',
      ConversionType: 'WSD',
      BodyPartExamined: 'CHEST',
      SeriesInstanceUID: scSeries,
      SeriesNumber: '9902',
      SeriesDescription: `${about.family.catalog.family}: AI results, research use only`.slice(-64),
      // General Image (PS3.3 C.7.6.1). Burned In Annotation stays out: nothing is added that names the patient, but what
      // the film itself shows is not known.
      InstanceNumber: numberOf(instance.instanceNumber),
      PatientOrientation: '',
      ContentDate: date,
      ContentTime: time,
      DateOfSecondaryCapture: date,
      TimeOfSecondaryCapture: time,
      ImageType: ['DERIVED', 'SECONDARY'],
      DerivationDescription: 'Film made smaller, with the findings of a model beside it',
      LossyImageCompression: wasLossy(reading) ? '01' : undefined,
      SourceImageSequence: [
        {
          ReferencedSOPClassUID: instance.sopClassUid,
          ReferencedSOPInstanceUID: instance.sopInstanceUid,
          // CID 7202
          PurposeOfReferenceCodeSequence: [
            coded({ value: '121322', scheme: 'DCM', meaning: 'Source image for image processing operation' }),
          ],
        },
      ],
      // Image Pixel (PS3.3 C.7.6.3)
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      Rows: height,
      Columns: width,
      BitsAllocated: 8,
      BitsStored: 8,
      HighBit: 7,
      PixelRepresentation: 0,
      PixelData: pixels.buffer as ArrayBuffer,
    },
    about.version,
  );
}

/** The lossy ones among the transfer syntaxes that are read (PS3.6, annex A). */
const lossy = ['4.50', '4.51', '4.81', '4.91', '4.203'].map((suffix) => `1.2.840.10008.1.2.${suffix}`);
const wasLossy = ({ dicom }: Reading) => dicom !== undefined && lossy.includes(dicom.transferSyntax);

async function small(film: Film): Promise<Picture> {
  const shrink = Math.min(1, maxSide / Math.max(film.width, film.height));
  const size = { width: px(Math.round(film.width * shrink)), height: px(Math.round(film.height * shrink)) };
  const { width, height, pixels } = await resize(film, size);
  const brightest = white({ pixels });
  return { width, height, pixels: Uint8Array.from(pixels, (value) => Math.round((value * 255) / brightest)) };
}

/** The text beside the film: as wide as its widest line. */
function panel(reading: Reading, about: About): string[] {
  return [
    notice.toUpperCase(),
    '',
    `${modelName(about)}, version ${about.version}`,
    `Catalog ${catalogDigest(reading).slice(0, 12)}`,
    ...byCall(reading).flatMap(({ heading, findings }) => [
      '',
      heading.toUpperCase(),
      ...findings.map(
        ({ finding, probability, threshold }) =>
          `${readable(finding).padEnd(19)}${percent(probability).padStart(6)}  (${band(threshold)})`,
      ),
    ]),
    '',
    'Calibrated probability; in brackets the band',
    'in which the finding would be indeterminate.',
    '',
    ...reading.plan.variants.map(({ resolution, findings }) => `${findings.length} findings read at ${resolution} px`),
    '',
    'This picture is small. Read the film itself.',
  ];
}
