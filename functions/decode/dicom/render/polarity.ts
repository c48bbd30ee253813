import { tags } from '../../../core/dicom-dictionary.ts';
import type { Image } from '../image.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';

/** Whether to invert gray, and a description of the reason; null in the normal case of a film that is not inverted. */
export type Polarity = { readonly isInverted: boolean; readonly description: string | null };

/**
 * The polarity of a film. Presentation LUT Shape states whether the output of the window is shown unchanged (IDENTITY) or
 * inverted (INVERSE). The photometric interpretation must agree (PS3.3, C.8.11.3.1.2): MONOCHROME2 or MONOCHROME1. If the two
 * disagree, the shape is used, as in DCMTK. If the shape is absent, the interpretation is used. Gray is inverted at most once.
 */
export function polarityOf(attributes: Attributes, { photometric }: Pick<Image, 'photometric'>, warn: Warn): Polarity {
  const declared = attributes.term(tags.presentationLutShape);
  const shape = shapes.find((known) => known === declared);
  // LIN OD is also a value of the standard (PS3.3, C.11.4), but it does not define the polarity.
  if (declared !== undefined && !shape && declared !== 'LIN OD')
    warn({
      code: 'presentation_lut_shape_unknown',
      message: `${attributeName} (2050,0020) is not a value of the standard. The polarity of ${photometric} was used.`,
      attribute: '(2050,0020)',
    });
  const isMonochrome1 = photometric === 'MONOCHROME1';
  const isInverted = shape === undefined ? isMonochrome1 : shape === 'INVERSE';
  if (isInverted !== isMonochrome1)
    warn({
      code: 'polarity_conflict',
      message: `${attributeName} (2050,0020) is ${shape}, but Photometric Interpretation (0028,0004) is ${photometric}. The polarity of the shape was used.`,
      attribute: '(2050,0020)',
      found: shape,
    });
  if (isInverted)
    return {
      isInverted,
      description: `inverted (${isMonochrome1 ? photometric : `${photometric}, ${attributeName} INVERSE`})`,
    };
  return { isInverted, description: isMonochrome1 ? `not inverted (${photometric}, ${attributeName} IDENTITY)` : null };
}

const shapes = ['IDENTITY', 'INVERSE'] as const;
const attributeName = 'Presentation LUT Shape';
