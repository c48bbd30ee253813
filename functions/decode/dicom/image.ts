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
  readonly signed: boolean;
  readonly photometric: 'MONOCHROME1' | 'MONOCHROME2';
};

const grayInterpretations = ['MONOCHROME1', 'MONOCHROME2'] as const;
/** Those that a refusal names (PS3.3, C.7.6.3.1.2); another value may hold anything. */
const colourInterpretations = /^(PALETTE COLOR|RGB|HSV|ARGB|CMYK|XYB|YBR_[A-Z0-9_]{3,11})$/;

/** The shape of the image, refused by name where it is not one gray frame of a sensible size. */
export function imageOf(attributes: Attributes): Result<Image, Fault> {
  const [frames = 1] = attributes.numbers(tags.numberOfFrames);
  if (frames > 1) return fail({ code: 'multi_frame', frames: Math.round(frames) });
  if (frames !== 1) return unusable('its Number of Frames (0028,0008) is not a number of frames');

  const interpretation = attributes.term(tags.photometricInterpretation);
  const samples = attributes.uint16(tags.samplesPerPixel) ?? 1;
  const photometric = grayInterpretations.find((name) => name === interpretation);
  if (interpretation === undefined) return unusable('it has no Photometric Interpretation (0028,0004)');
  if (samples === 0) return unusable('its Samples per Pixel (0028,0002) is 0');
  if (!photometric) {
    const named = colourInterpretations.test(interpretation) ? interpretation : 'not gray';
    const problem = `its Photometric Interpretation (0028,0004) is ${named}, with ${samples} samples a pixel`;
    return fail({ code: 'colour_image', problem });
  }
  if (samples !== 1)
    return fail({
      code: 'colour_image',
      problem: `its Samples per Pixel (0028,0002) is ${samples}, though it calls itself ${photometric}`,
    });

  const rows = attributes.uint16(tags.rows);
  const columns = attributes.uint16(tags.columns);
  if (!rows || !columns) return unusable('it has no Rows (0028,0010) or no Columns (0028,0011)');
  if (rows * columns > maxPixels)
    return fail({ code: 'too_many_pixels', width: px(columns), height: px(rows), limit: maxPixels });
  const shortSide = Math.min(rows, columns);
  if (shortSide < minSide) return fail({ code: 'too_small', shortSide: px(shortSide), floor: minSide });

  const bitsAllocated = attributes.uint16(tags.bitsAllocated);
  if (bitsAllocated !== 8 && bitsAllocated !== 16)
    return unusable(`its Bits Allocated (0028,0100) is ${bitsAllocated ?? 'absent'}; 8 and 16 are read`);
  const bitsStored = attributes.uint16(tags.bitsStored) ?? bitsAllocated;
  const highBit = attributes.uint16(tags.highBit) ?? bitsStored - 1;
  if (bitsStored < 1 || highBit >= bitsAllocated || highBit + 1 < bitsStored)
    return unusable(
      `its Bits Stored (0028,0101) ${bitsStored} and High Bit (0028,0102) ${highBit} do not fit ${bitsAllocated} bits allocated`,
    );
  const representation = attributes.uint16(tags.pixelRepresentation) ?? 0;
  if (representation > 1) return unusable(`its Pixel Representation (0028,0103) is ${representation}, neither 0 nor 1`);
  const signed = representation === 1;
  return ok({ rows, columns, bitsAllocated, bitsStored, highBit, signed, photometric });
}

/** Attributes that an image must have, and what is assumed where one is absent. */
const assumed = [
  [tags.samplesPerPixel, 'Samples per Pixel (0028,0002)', '1'],
  [tags.bitsStored, 'Bits Stored (0028,0101)', 'Bits Allocated'],
  [tags.highBit, 'High Bit (0028,0102)', 'one less than Bits Stored'],
  [tags.pixelRepresentation, 'Pixel Representation (0028,0103)', 'unsigned'],
] as const;

/** Warn of attributes of the image that are absent and were assumed (PS3.3, C.7.6.3: all are type 1). */
export function warnOfAssumptions(attributes: Attributes, warn: Warn): void {
  for (const [tag, name, value] of assumed)
    if (attributes.uint16(tag) === undefined)
      warn({
        code: 'attribute_missing',
        message: `${name} is absent; it was taken as ${value}.`,
        attribute: name.slice(-11),
      });
}

const unusable = (problem: string) => fail<Fault>({ code: 'unusable_header', problem });
