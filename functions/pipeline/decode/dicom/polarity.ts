import type { Attributes } from './attributes.ts';
import type { Image } from './image.ts';
import { tags } from './tags.ts';

/** Whether gray is turned over, and in words why; null where nothing is out of the ordinary. */
export type Polarity = { readonly inverted: boolean; readonly words: string | null };

/**
 * Presentation LUT Shape says whether what the window gives is as bright as it is to be shown (IDENTITY), or as dark
 * (INVERSE); MONOCHROME1 and MONOCHROME2 are to say the same (PS3.3, C.8.11.3.1.2). Where the two disagree the shape is
 * right, as DCMTK has it; where it is absent, the interpretation stands alone. Never is gray turned over twice.
 */
export function polarityOf(attributes: Attributes, { photometric }: Pick<Image, 'photometric'>): Polarity {
  const shape = shapes.find((known) => known === attributes.code(tags.presentationLutShape));
  const dark = photometric === 'MONOCHROME1';
  const inverted = shape === undefined ? dark : shape === 'INVERSE';
  if (inverted) return { inverted, words: `inverted (${dark ? photometric : `${photometric}, ${named} INVERSE`})` };
  return { inverted, words: dark ? `not inverted (${photometric}, ${named} IDENTITY)` : null };
}

const shapes = ['IDENTITY', 'INVERSE'] as const;
const named = 'Presentation LUT Shape';
