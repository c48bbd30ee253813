import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { fail, ok, type Result } from '../../../core/result.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';
import { numbersOf } from '../parse/numbers.ts';
import { type Interval, spanOf } from './interval.ts';
import { lookUp, lutsIn } from './lut.ts';

/** How pixel values become the modality's: PS3.3, C.11.1. */
export type Modality = {
  readonly apply: (value: number) => number;
  /** What it can give. */
  readonly range: Interval;
  readonly words: string | null;
};

const sequence = { tag: tags.modalityLutSequence, name: 'Modality LUT Sequence (0028,3000)' };

/** The table where there is one, otherwise the line, otherwise the values as they are. */
export function modalityTransform(attributes: Attributes, pixels: Interval, warn: Warn): Result<Modality, Fault> {
  const [table] = lutsIn(attributes, sequence, pixels, warn);
  if (table) return ok({ apply: (value) => lookUp(table, value), range: spanOf(table.entries), words: 'Modality LUT' });
  const [slope] = numbersOf(attributes, tags.rescaleSlope, 'Rescale Slope (0028,1053)', warn);
  const [intercept] = numbersOf(attributes, tags.rescaleIntercept, 'Rescale Intercept (0028,1052)', warn);
  const wrong = (problem: string) => fail<Fault>({ code: 'unusable_header', problem });
  if (Number.isNaN(slope) || slope === 0) return wrong('its Rescale Slope (0028,1053) is not a number other than 0');
  if (Number.isNaN(intercept)) return wrong('its Rescale Intercept (0028,1052) is not a number');
  const isNamed = attributes.items(tags.modalityLutSequence).length > 0 || attributes.bytes(tags.modalityLutSequence);
  if (isNamed && slope === undefined)
    return wrong('no lookup table of its Modality LUT Sequence (0028,3000) can be used, and it has no Rescale Slope');
  return ok(line(slope ?? 1, intercept ?? 0, pixels));
}

function line(slope: number, intercept: number, pixels: Interval): Modality {
  if (slope === 1 && intercept === 0) return { apply: (value) => value, range: pixels, words: null };
  const apply = (value: number) => value * slope + intercept;
  const range = spanOf([apply(pixels.low), apply(pixels.high)]);
  return { apply, range, words: `rescale ${slope} × value + ${intercept}` };
}
