import { tags } from '../../core/dicom-dictionary.ts';
import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { px } from '../../core/units.ts';
import { maxPixels, minSide } from '../limits.ts';
import type { Attributes } from './parse/attributes.ts';
import type { Warn } from './parse/header-error.ts';

/** The image pixel module of one gray frame (PS3.3, C.7.6.3). */
export type Image = {
  readonly rows: number;
  readonly columns: number;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  readonly photometric: 'MONOCHROME1' | 'MONOCHROME2';
};

const grayInterpretations = ['MONOCHROME1', 'MONOCHROME2'] as const;
/** Values that a fault may repeat (PS3.3, C.7.6.3.1.2). Any other value may contain patient data. */
const colourInterpretations = /^(PALETTE COLOR|RGB|HSV|ARGB|CMYK|XYB|YBR_[A-Z0-9_]{3,11})$/;

/** Read the image pixel module. The result is a fault if the image is not one gray frame of a supported size. */
export function imageOf(attributes: Attributes): Result<Image, Fault> {
  const [frames = 1] = attributes.numbers(tags.numberOfFrames);
  if (frames > 1) return fail({ code: 'multi_frame', frames: Math.round(frames) });
  if (frames !== 1) return unusableHeader('Number of Frames (0028,0008) is not a positive integer');

  const interpretation = attributes.term(tags.photometricInterpretation);
  const samples = attributes.uint16(tags.samplesPerPixel) ?? 1;
  const photometric = grayInterpretations.find((name) => name === interpretation);
  if (interpretation === undefined) return unusableHeader('Photometric Interpretation (0028,0004) is absent');
  if (samples === 0) return unusableHeader('Samples per Pixel (0028,0002) is 0');
  if (!photometric) {
    const named = colourInterpretations.test(interpretation) ? interpretation : 'not gray';
    const problem = `Photometric Interpretation (0028,0004) is ${named}, Samples per Pixel (0028,0002) is ${samples}`;
    return fail({ code: 'colour_image', problem });
  }
  if (samples !== 1)
    return fail({
      code: 'colour_image',
      problem: `Samples per Pixel (0028,0002) is ${samples}, but Photometric Interpretation (0028,0004) is ${photometric}`,
    });

  const rows = attributes.uint16(tags.rows);
  const columns = attributes.uint16(tags.columns);
  if (!rows || !columns) return unusableHeader('Rows (0028,0010) or Columns (0028,0011) is absent or 0');
  if (rows * columns > maxPixels)
    return fail({ code: 'too_many_pixels', width: px(columns), height: px(rows), limit: maxPixels });
  const shortSide = Math.min(rows, columns);
  if (shortSide < minSide) return fail({ code: 'too_small', shortSide: px(shortSide), floor: minSide });

  const bitsAllocated = attributes.uint16(tags.bitsAllocated);
  if (bitsAllocated !== 8 && bitsAllocated !== 16)
    return unusableHeader(`Bits Allocated (0028,0100) is ${bitsAllocated ?? 'absent'}; only 8 and 16 are supported`);
  const bitsStored = attributes.uint16(tags.bitsStored) ?? bitsAllocated;
  const highBit = attributes.uint16(tags.highBit) ?? bitsStored - 1;
  if (bitsStored < 1 || highBit >= bitsAllocated || highBit + 1 < bitsStored)
    return unusableHeader(
      `Bits Stored (0028,0101) ${bitsStored} and High Bit (0028,0102) ${highBit} do not fit Bits Allocated (0028,0100) ${bitsAllocated}`,
    );
  const representation = attributes.uint16(tags.pixelRepresentation) ?? 0;
  if (representation > 1)
    return unusableHeader(`Pixel Representation (0028,0103) is ${representation}, neither 0 nor 1`);
  const isSigned = representation === 1;
  return ok({ rows, columns, bitsAllocated, bitsStored, highBit, isSigned, photometric });
}

/** Required attributes of an image, and the value that is assumed if an attribute is absent. */
const assumptions = [
  [tags.samplesPerPixel, 'Samples per Pixel (0028,0002)', '1'],
  [tags.bitsStored, 'Bits Stored (0028,0101)', 'Bits Allocated'],
  [tags.highBit, 'High Bit (0028,0102)', 'one less than Bits Stored'],
  [tags.pixelRepresentation, 'Pixel Representation (0028,0103)', 'unsigned'],
] as const;

/** Warn about each required attribute that is absent and was assumed (PS3.3, C.7.6.3). */
export function warnOfAssumptions(attributes: Attributes, warn: Warn): void {
  for (const [tag, name, value] of assumptions)
    if (attributes.uint16(tag) === undefined)
      warn({
        code: 'attribute_missing',
        message: `${name} is absent. The decoder assumed ${value}.`,
        attribute: name.slice(-11),
      });
}

const unusableHeader = (problem: string) => fail<Fault>({ code: 'unusable_header', problem });
