import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import { type Interval, spanOf } from './interval.ts';
import { lookUp, lutIn } from './lut.ts';
import { tags } from './tags.ts';

/** How pixel values become the modality's: PS3.3, C.11.1. */
export type Modality = {
  readonly apply: (value: number) => number;
  /** What it can give. */
  readonly range: Interval;
  readonly words: string | null;
};

/** The table where there is one, otherwise the line, otherwise the values as they are. */
export function modalityTransform(attributes: Attributes, pixels: Interval): Result<Modality, Fault> {
  const lut = lutIn(attributes, tags.modalityLutSequence, pixels);
  if (!lut.ok) return lut;
  const table = lut.value;
  if (table) return ok({ apply: (value) => lookUp(table, value), range: spanOf(table.entries), words: 'Modality LUT' });
  const [slope = 1] = attributes.numbers(tags.rescaleSlope);
  const [intercept = 0] = attributes.numbers(tags.rescaleIntercept);
  const wrong = (problem: string) => fail<Fault>({ code: 'unusable_header', problem });
  if (Number.isNaN(slope) || slope === 0) return wrong('its Rescale Slope (0028,1053) is not a number other than 0');
  if (Number.isNaN(intercept)) return wrong('its Rescale Intercept (0028,1052) is not a number');
  if (slope === 1 && intercept === 0) return ok({ apply: (value) => value, range: pixels, words: null });
  const apply = (value: number) => value * slope + intercept;
  const range = spanOf([apply(pixels.low), apply(pixels.high)]);
  return ok({ apply, range, words: `rescale ${slope} × value + ${intercept}` });
}
