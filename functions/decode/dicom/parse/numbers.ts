import type { Tag } from '../../../core/dicom-dictionary.ts';
import type { Attributes } from './attributes.ts';
import { foundNumbers } from './decimal.ts';
import type { Warn } from './header-error.ts';

/** The numbers of an attribute, with a warning where they are read although they are not written as the standard says. */
export function numbersOf(attributes: Attributes, tag: Tag, name: string, warn: Warn): readonly (number | undefined)[] {
  const values = attributes.decimals(tag);
  const lenient = values.filter(({ value, isLenient }) => isLenient && value !== undefined && !Number.isNaN(value));
  if (lenient.length > 0)
    warn({
      code: 'number_malformed',
      message: `${name} is not written as a decimal string; it was read as ${values.map(({ value }) => value ?? 'blank').join(' and ')}.`,
      attribute: name.slice(-11),
      found: foundNumbers(attributes.codes(tag)),
    });
  return values.map(({ value }) => value);
}
