import type { Fault } from '../../fault.ts';
import { ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import { defaultWindow } from './default-window.ts';
import type { Image } from './image.ts';
import { pixelRange } from './interval.ts';
import { modalityTransform } from './modality.ts';
import { paddingTest } from './padding.ts';
import type { Frame, Words } from './pixels.ts';
import { polarityOf } from './polarity.ts';
import { valueIn } from './values.ts';
import { type NoVoi, type Voi, voiTransform } from './voi.ts';

/** Gray values with bone white, and in words how they came about. */
export type Gray = { readonly pixels: Uint8Array | Uint16Array; readonly rendering: string };

/**
 * Stored words to gray (PS3.4, annex N.2): modality, values of interest, polarity. All of it depends on the word
 * alone, so it is worked out once a word and looked up a pixel. Padding is black, whatever the polarity.
 */
export function grayOf({ words, stream }: Frame, image: Image, attributes: Attributes): Result<Gray, Fault> {
  const modality = modalityTransform(attributes, pixelRange(image));
  if (!modality.ok) return modality;
  const voi = voiTransform(attributes, modality.value.range);
  if (!voi.ok) return voi;

  const stored = valueIn(image, stream);
  const isPadding = paddingTest(attributes, image);
  const values = perWord(words, (word) => modality.value.apply(stored(word)));
  const shows = perWord(words, (word) => Number(!isPadding(word, stored(word))));
  const { apply, words: how } = 'lacks' in voi.value ? withoutVoi(voi.value, words, values, shows, image) : voi.value;
  const { inverted, words: turnedOver } = polarityOf(attributes, image);
  const deep = image.bitsStored > 8;
  const white = deep ? 65_535 : 255;
  const grays = perWord(words, (word) => {
    const share = apply(values[word] ?? 0);
    return shows[word] ? Math.round(white * (inverted ? 1 - share : share)) : 0;
  });

  const pixels = deep ? new Uint16Array(words.length) : new Uint8Array(words.length);
  for (let i = 0; i < words.length; i++) pixels[i] = grays[words[i] ?? 0] ?? 0;
  const steps = [modality.value.words, how, turnedOver];
  return ok({ pixels, rendering: steps.filter((step) => step !== null).join(', then ') });
}

/** Something worked out for every word that there can be. */
function perWord(words: Words, of: (word: number) => number): Float64Array {
  const table = new Float64Array(words instanceof Uint16Array ? 65_536 : 256);
  for (let word = 0; word < table.length; word++) table[word] = of(word);
  return table;
}

/** The stated default of a film that brings neither VOI LUT nor a window that can be used. */
function withoutVoi(
  { lacks }: NoVoi,
  words: Words,
  values: Float64Array,
  shows: Float64Array,
  { bitsStored }: Image,
): Voi {
  const counts = new Uint32Array(values.length);
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  const possible = Array.from(values);
  const levels = possible.flatMap((value, word) => {
    const count = counts[word] ?? 0;
    return count === 0 || !shows[word] ? [] : [{ value, count }];
  });
  const { low, high, words: how } = defaultWindow(levels, possible, bitsStored);
  const range = high > low ? high - low : 1;
  return {
    apply: (value) => Math.max(0, Math.min(1, (value - low) / range)),
    words: `${lacks}, so ${how}: ${round(low)} to ${round(high)}`,
  };
}

const round = (value: number) => Number(value.toFixed(3));
