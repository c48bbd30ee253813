import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import { type Attributes, numbersOf } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';
import { type Interval, spanOf } from './interval.ts';
import { lookUp, usableLuts } from './lut.ts';

/** The transform from pixel values to modality values (PS3.3, C.11.1). */
export type ModalityTransform = {
  readonly apply: (value: number) => number;
  /** The range of the modality values. */
  readonly range: Interval;
  readonly description: string | null;
};

const sequence = { tag: tags.modalityLutSequence, name: 'Modality LUT Sequence (0028,3000)' };

/** The transform by Modality LUT if the film has one, otherwise by Rescale Slope and Intercept, otherwise no change. */
export function modalityTransform(
  attributes: Attributes,
  pixelRange: Interval,
  warn: Warn,
): Result<ModalityTransform, Fault> {
  const [table] = usableLuts(attributes, sequence, pixelRange, warn);
  if (table)
    return ok({ apply: (value) => lookUp(table, value), range: spanOf(table.entries), description: 'Modality LUT' });
  const [slope] = numbersOf(attributes, tags.rescaleSlope, 'Rescale Slope (0028,1053)', warn);
  const [intercept] = numbersOf(attributes, tags.rescaleIntercept, 'Rescale Intercept (0028,1052)', warn);
  const unusable = (problem: string) => fail<Fault>({ code: 'unusable_header', problem });
  if (Number.isNaN(slope) || slope === 0) return unusable('Rescale Slope (0028,1053) is 0 or not a number');
  if (Number.isNaN(intercept)) return unusable('Rescale Intercept (0028,1052) is not a number');
  const hasSequence =
    attributes.items(tags.modalityLutSequence).length > 0 || attributes.bytes(tags.modalityLutSequence);
  if (hasSequence && slope === undefined)
    return unusable('Modality LUT Sequence (0028,3000) has no usable table, and Rescale Slope (0028,1053) is absent');
  return ok(rescale(slope ?? 1, intercept ?? 0, pixelRange));
}

function rescale(slope: number, intercept: number, pixelRange: Interval): ModalityTransform {
  if (slope === 1 && intercept === 0) return { apply: (value) => value, range: pixelRange, description: null };
  const apply = (value: number) => value * slope + intercept;
  const range = spanOf([apply(pixelRange.low), apply(pixelRange.high)]);
  return { apply, range, description: `rescale ${slope} × value + ${intercept}` };
}
