import { lossyTransferSyntaxes, resultSopClasses } from '../../core/dicom-dictionary.ts';
import { type Film, white } from '../../core/film.ts';
import { type FindingResult, notice, type Reading } from '../../core/reading.ts';
import { px } from '../../core/units.ts';
import { resize } from '../../decode/resize.ts';
import { readable } from '../codes.ts';
import { filmName } from '../film-name.ts';
import type { IdentifiedRead } from '../identity.ts';
import { equipment, localTime, modelName, patientAndStudy, seriesOf } from '../part10/modules.ts';
import { part10 } from '../part10/write.ts';
import type { InstanceProvenance } from '../provenance.ts';
import { coded } from '../sr/item.ts';
import { byCall, limits, percent } from '../summary.ts';
import { spotlight } from './heatmap.ts';
import { type Picture, sideBySide, stacked, textPicture } from './picture.ts';

/** The longest side of the film in the picture: enough to tell which film it is, too little to read it anew. */
const maxSide = 1024;

/** What was read, burnt into a small copy of the film, for viewers that show no SR: a DICOM file. */
export async function secondaryCapture(
  { reading, instance }: IdentifiedRead,
  film: Film,
  provenance: InstanceProvenance,
): Promise<Uint8Array<ArrayBuffer>> {
  const { sc, scSeries } = provenance.identity.uids;
  const { date, time } = localTime(reading.createdAt);
  const { width, height, pixels } = sideBySide([
    await small(film, maxSide),
    stacked([textPicture(panel({ reading, instance }, provenance)), ...(await whereTheModelLooked(reading, film))]),
  ]);
  return part10(
    {
      SOPClassUID: resultSopClasses.secondaryCapture,
      SOPInstanceUID: sc,
      InstanceCreationDate: date,
      InstanceCreationTime: time,
      ...patientAndStudy(instance),
      ...equipment(provenance),
      // General Series and SC Equipment (PS3.3 C.7.3.1, C.8.6.1)
      Modality: 'OT',
      ConversionType: 'WSD',
      BodyPartExamined: 'CHEST',
      SeriesInstanceUID: scSeries,
      SeriesNumber: '9902',
      ...seriesOf({ reading, instance }, sc),
      // General Image (PS3.3 C.7.6.1). Burned In Annotation stays out: nothing is added that names the patient, but what
      // the film itself shows is not known.
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
    provenance.version,
  );
}

const wasLossy = ({ dicom }: Reading) => dicom !== undefined && lossyTransferSyntaxes.includes(dicom.transferSyntax);

async function small(film: Film, longest: number): Promise<Picture> {
  const shrink = Math.min(1, longest / Math.max(film.width, film.height));
  const size = { width: px(Math.round(film.width * shrink)), height: px(Math.round(film.height * shrink)) };
  const { width, height, pixels } = await resize(film, size);
  const brightest = white({ pixels });
  return { width, height, pixels: Uint8Array.from(pixels, (value) => Math.round((value * 255) / brightest)) };
}

/** The text beside the film: as wide as its widest line. It names no patient. */
function panel(read: IdentifiedRead, provenance: InstanceProvenance): string[] {
  const { reading } = read;
  const warnings = reading.warnings.map(({ code }) => `Warning of the file: ${code}`);
  return [
    notice.toUpperCase(),
    '',
    `Film: ${filmName(read)}`,
    ...new Set(warnings),
    `${modelName(provenance)}, version ${provenance.version}`,
    `Catalog ${provenance.identity.catalogDigest.slice(0, 12)}`,
    ...byCall(reading).flatMap(({ heading, findings }) => [
      '',
      heading.toUpperCase(),
      ...findings.map(
        ({ finding, probability, threshold }) =>
          `${readable(finding).padEnd(19)}${percent(probability).padStart(6)}  ${limits(threshold)}`,
      ),
    ]),
    '',
    'Calibrated probability, and the limits at which',
    'the call changes. Furthest above its limit first.',
    '',
    ...reading.plan.variants.map(({ resolution, findings }) => `${findings.length} findings read at ${resolution} px`),
    '',
    'This picture is small. Read the film itself.',
  ];
}

/** As wide as the margin of text. */
const margin: Picture = { width: 24, height: 1, pixels: new Uint8Array(24) };

/** The longest side of a picture of where the model looked, and how many there are at most. */
const lookedAt = { side: 300, most: 2 } as const;

/** Pictures of where the model looked for the findings that exceed their thresholds most; none for absent findings. */
async function whereTheModelLooked(reading: Reading, film: Film): Promise<Picture[]> {
  const found = byCall(reading)
    .flatMap(({ findings }) => findings)
    .filter(({ call, heatmap }) => call !== 'absent' && heatmap)
    .slice(0, lookedAt.most);
  if (found.length === 0) return [];
  const copy = await small(film, lookedAt.side);
  const one = ({ finding, heatmap }: FindingResult) =>
    stacked([
      textPicture([readable(finding)]),
      ...(heatmap ? [sideBySide([margin, spotlight(copy, heatmap, film)])] : []),
    ]);
  const legend = ['Bright: where the model looked,', 'not where the disease is.'];
  return [textPicture(legend), sideBySide(found.map(one))];
}
