import { tags } from '../../../core/dicom-dictionary.ts';
import type { Image } from '../image.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';

/** Whether gray is turned over, and in words why; null where nothing is out of the ordinary. */
export type Polarity = { readonly inverted: boolean; readonly words: string | null };

/**
 * Presentation LUT Shape says whether what the window gives is as bright as it is to be shown (IDENTITY), or as dark
 * (INVERSE); MONOCHROME1 and MONOCHROME2 are to say the same (PS3.3, C.8.11.3.1.2). Where the two disagree the shape is
 * right, as DCMTK has it; where it is absent, the interpretation stands alone. Never is gray turned over twice.
 */
export function polarityOf(attributes: Attributes, { photometric }: Pick<Image, 'photometric'>, warn: Warn): Polarity {
  const declared = attributes.term(tags.presentationLutShape);
  const shape = shapes.find((known) => known === declared);
  // PS3.3, C.11.4: LIN OD is one of the standard too; it says nothing of polarity.
  if (declared !== undefined && !shape && declared !== 'LIN OD')
    warn({
      code: 'presentation_lut_shape_unknown',
      message: `${named} (2050,0020) is not one of the standard; the polarity was taken from ${photometric}.`,
      attribute: '(2050,0020)',
    });
  const dark = photometric === 'MONOCHROME1';
  const inverted = shape === undefined ? dark : shape === 'INVERSE';
  if (inverted !== dark)
    warn({
      code: 'polarity_conflict',
      message: `${named} (2050,0020) is ${shape}, although the film is ${photometric}; the film was shown as the shape says.`,
      attribute: '(2050,0020)',
      found: shape,
    });
  if (inverted) return { inverted, words: `inverted (${dark ? photometric : `${photometric}, ${named} INVERSE`})` };
  return { inverted, words: dark ? `not inverted (${photometric}, ${named} IDENTITY)` : null };
}

const shapes = ['IDENTITY', 'INVERSE'] as const;
const named = 'Presentation LUT Shape';
