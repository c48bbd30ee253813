import type { Tag } from '../../../core/dicom-dictionary.ts';
import type { Attributes } from './attributes.ts';
import { foundNumbers } from './decimal.ts';
import type { Warn } from './header-error.ts';

/** The numbers of an attribute. Warns if a number was read although its format breaks the standard. */
export function numbersOf(attributes: Attributes, tag: Tag, name: string, warn: Warn): readonly (number | undefined)[] {
  const values = attributes.decimals(tag);
  const lenient = values.filter(({ value, isLenient }) => isLenient && value !== undefined && !Number.isNaN(value));
  if (lenient.length > 0)
    warn({
      code: 'number_malformed',
      message: `${name} is not a valid decimal string. It was read as ${values.map(({ value }) => value ?? 'blank').join(' and ')}.`,
      attribute: name.slice(-11),
      found: foundNumbers(attributes.codes(tag)),
    });
  return values.map(({ value }) => value);
}
