import { lossyTransferSyntaxes, resultSopClasses } from '../../core/dicom-dictionary.ts';
import { type Film, white } from '../../core/film.ts';
import type { Heatmap } from '../../core/heatmap.ts';
import { linesOf } from '../../core/lines.ts';
import { type FindingResult, notice, type Reading } from '../../core/reading.ts';
import { px } from '../../core/units.ts';
import { resize } from '../../decode/resize.ts';
import { displayName } from '../codes.ts';
import { heatmapIntensity } from '../heatmap.ts';
import type { DicomReading } from '../identity.ts';
import { equipment, filmName, localTime, modelName, patientAndStudy, seriesAttributes } from '../part10/modules.ts';
import { part10 } from '../part10/write.ts';
import type { InstanceProvenance } from '../provenance.ts';
import { codeSequenceItem } from '../sr/item.ts';
import { byCall, callLimits, filmSummary, percent } from '../summary.ts';
import { type Picture, sideBySide, stacked, textPicture } from './picture.ts';

/** Limit of the longer side of the film in the picture, in pixels. It is enough to recognize the film, and too small to read it. */
const maxSide = 1024;

/** A DICOM file with a small copy of the film and the findings beside it, for viewers that show no SR. */
export async function secondaryCapture(
  { reading, instance }: DicomReading,
  film: Film,
  provenance: InstanceProvenance,
): Promise<Uint8Array<ArrayBuffer>> {
  const { sc, scSeries } = provenance.identity.uids;
  const { date, time } = localTime(reading.createdAt);
  const { width, height, pixels } = sideBySide([
    await scaledDown(film, maxSide),
    stacked([textPicture(textLines({ reading, instance }, provenance)), ...(await heatmapPictures(reading, film))]),
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
      ...seriesAttributes({ reading, instance }, sc),
      // General Image (PS3.3 C.7.6.1). Burned In Annotation is omitted: the added text names no patient, but it is unknown
      // whether the film itself shows a name.
      PatientOrientation: '',
      ContentDate: date,
      ContentTime: time,
      DateOfSecondaryCapture: date,
      TimeOfSecondaryCapture: time,
      ImageType: ['DERIVED', 'SECONDARY'],
      DerivationDescription: 'Film scaled down, with the findings of a model beside the film',
      LossyImageCompression: wasLossy(reading) ? '01' : undefined,
      SourceImageSequence: [
        {
          ReferencedSOPClassUID: instance.sopClassUid,
          ReferencedSOPInstanceUID: instance.sopInstanceUid,
          // CID 7202
          PurposeOfReferenceCodeSequence: [
            codeSequenceItem({
              value: '121322',
              scheme: 'DCM',
              meaning: 'Source image for image processing operation',
            }),
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

async function scaledDown(film: Film, longest: number): Promise<Picture> {
  const shrink = Math.min(1, longest / Math.max(film.width, film.height));
  const size = { width: px(Math.round(film.width * shrink)), height: px(Math.round(film.height * shrink)) };
  const { width, height, pixels } = await resize(film, size);
  const brightest = white({ pixels });
  return { width, height, pixels: Uint8Array.from(pixels, (value) => Math.round((value * 255) / brightest)) };
}

/** The lines of text beside the film. The text names no patient. */
function textLines(read: DicomReading, provenance: InstanceProvenance): string[] {
  const { reading } = read;
  const warnings = reading.warnings.map(({ code }) => `File warning: ${code}`);
  return [
    notice.toUpperCase(),
    '',
    `Film: ${filmName(read)}`,
    ...new Set(warnings),
    `${modelName(provenance)}, version ${provenance.version}`,
    `Catalog ${provenance.identity.catalogDigest.slice(0, 12)}`,
    '',
    ...linesOf(filmSummary(reading).text, 70),
    ...byCall(reading).flatMap(({ heading, findings }) => [
      '',
      heading.toUpperCase(),
      ...findings.map(
        ({ finding, probability, threshold }) =>
          `${displayName(finding).padEnd(19)}${percent(probability).padStart(6)}  ${callLimits(threshold)}`,
      ),
    ]),
    '',
    'Calibrated probability, and the limits at which the call',
    'changes. The highest likelihood ratio is first.',
    '',
    ...reading.plan.variants.map(({ resolution, findings }) => `${findings.length} findings read at ${resolution} px`),
    '',
    'This picture is small. Read the film itself.',
  ];
}

/** An empty picture with the width of the margin of text. */
const margin: Picture = { width: 24, height: 1, pixels: new Uint8Array(24) };

/** Limits of the longer side of a heat map picture, in pixels, and of the number of pictures. */
const heatmapLimits = { side: 300, count: 2 } as const;

/** Heat map pictures of the findings with the highest likelihood ratios. An absent finding has no picture. */
async function heatmapPictures(reading: Reading, film: Film): Promise<Picture[]> {
  const shown = byCall(reading)
    .flatMap(({ findings }) => findings)
    .filter(({ call, heatmap }) => call !== 'absent' && heatmap)
    .slice(0, heatmapLimits.count);
  if (shown.length === 0) return [];
  const copy = await scaledDown(film, heatmapLimits.side);
  const labelled = ({ finding, heatmap }: FindingResult) =>
    stacked([
      textPicture([displayName(finding)]),
      ...(heatmap ? [sideBySide([margin, highlight(copy, heatmap, film)])] : []),
    ]);
  const legend = ['Bright: where the model looked,', 'not where the disease is.'];
  return [textPicture(legend), sideBySide(shown.map(labelled))];
}

/** Brightness relative to the film where the heat map is zero. */
const minBrightness = 0.25;

/**
 * Darken a small copy of a film where the heat map of a finding is low.
 *
 * @param film the size of the original film. The heat map is in its coordinates.
 */
export function highlight(small: Picture, heatmap: Heatmap, film: Pick<Film, 'width' | 'height'>): Picture {
  const intensity = heatmapIntensity(heatmap, film, small);
  const pixels = small.pixels.map((gray, index) =>
    Math.round(gray * (minBrightness + (1 - minBrightness) * (intensity[index] ?? 0))),
  );
  return { ...small, pixels };
}
