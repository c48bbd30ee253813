import type { Fault } from '../../fault.ts';
import { ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import { defaultWindow } from './default-window.ts';
import type { Image } from './image.ts';
import { modalityTransform } from './modality.ts';
import { paddingTest } from './padding.ts';
import type { Words } from './pixels.ts';
import { valueIn } from './values.ts';
import { type Voi, voiTransform } from './voi.ts';

/** Gray values with bone white, and in words how they came about. */
export type Gray = { readonly pixels: Uint8Array | Uint16Array; readonly rendering: string };

/** What a word stands for: a modality value, or nothing of the patient. */
type Meaning = { readonly value: number; readonly padding: boolean };

/**
 * Stored words to gray (PS3.4, annex N.2): modality, values of interest, polarity. All of it depends on the word
 * alone, so it is worked out once a word and looked up a pixel. Padding is black, whatever the polarity.
 */
export function grayOf(words: Words, image: Image, attributes: Attributes, saturates: boolean): Result<Gray, Fault> {
  const modality = modalityTransform(attributes, image.signed);
  if (!modality.ok) return modality;
  const voi = voiTransform(attributes, image.signed);
  if (!voi.ok) return voi;

  const stored = valueIn(image, saturates);
  const isPadding = paddingTest(attributes, image.signed);
  const meanings = Array.from({ length: words instanceof Uint16Array ? 65_536 : 256 }, (_, word): Meaning => {
    const value = stored(word);
    return { value: modality.value.apply(value), padding: isPadding(value) };
  });
  const { apply, words: how } = voi.value ?? withoutVoi(words, meanings, image);
  // MONOCHROME1 alone decides: Presentation LUT Shape INVERSE says the same again (PS3.3, C.8.11.3.1.2).
  const inverted = image.photometric === 'MONOCHROME1';
  const deep = image.bitsStored > 8;
  const grays = meanings.map(({ value, padding }) => {
    if (padding) return 0;
    return Math.round((deep ? 65_535 : 255) * (inverted ? 1 - apply(value) : apply(value)));
  });

  const pixels = deep ? new Uint16Array(words.length) : new Uint8Array(words.length);
  for (let i = 0; i < words.length; i++) pixels[i] = grays[words[i] ?? 0] ?? 0;
  const steps = [modality.value.words, how, inverted ? 'inverted (MONOCHROME1)' : null];
  return ok({ pixels, rendering: steps.filter((step) => step !== null).join(', then ') });
}

/** The stated default of a film that brings neither VOI LUT nor window. */
function withoutVoi(words: Words, meanings: readonly Meaning[], { bitsStored }: Image): Voi {
  const counts = new Uint32Array(meanings.length);
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  const levels = meanings.flatMap(({ value, padding }, word) => {
    const count = counts[word] ?? 0;
    return padding || count === 0 ? [] : [{ value, count }];
  });
  const possible = meanings.map(({ value }) => value);
  const { low, high, words: how } = defaultWindow(levels, possible, bitsStored);
  const range = high > low ? high - low : 1;
  return {
    apply: (value) => Math.max(0, Math.min(1, (value - low) / range)),
    words: `no VOI LUT or window, so ${how}: ${round(low)} to ${round(high)}`,
  };
}

const round = (value: number) => Number(value.toFixed(3));
