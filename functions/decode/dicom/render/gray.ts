import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { ok, type Result } from '../../../core/result.ts';
import type { Frame, Words } from '../codecs/pixels.ts';
import type { Image } from '../image.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';
import { bulkOf, defaultWindow, type Level } from './default-window.ts';
import { pixelRange } from './interval.ts';
import { modalityTransform } from './modality.ts';
import { paddingTest } from './padding.ts';
import { polarityOf } from './polarity.ts';
import { valueIn } from './values.ts';
import { type NoVoi, type Voi, voiTransform } from './voi.ts';

/** Gray values with bone white, and in words how they came about. */
export type Gray = { readonly pixels: Uint8Array | Uint16Array; readonly rendering: string };

/**
 * Stored words to gray (PS3.4, annex N.2): modality, values of interest, polarity. All of it depends on the word
 * alone, so it is worked out once a word and looked up a pixel. Padding is black, whatever the polarity.
 */
export function grayOf(
  { words, stream }: Frame,
  image: Image,
  attributes: Attributes,
  warn: Warn,
): Result<Gray, Fault> {
  const modality = modalityTransform(attributes, pixelRange(image), warn);
  if (!modality.ok) return modality;

  const stored = valueIn(image, stream);
  const isPadding = paddingTest(attributes, image);
  const values = perWord(words, (word) => modality.value.apply(stored(word)));
  const shows = perWord(words, (word) => Number(!isPadding(word, stored(word))));
  const counts = countsOf(words, values.length, stepOf(words));
  warnOfUnusedBits(counts, shows, image, stream === null, attributes, warn);
  const used = bulkOf(levelsOf(counts, values, shows));
  const voi = voiTransform(attributes, modality.value.range, used, warn);
  const { apply, words: how } =
    'lacks' in voi ? withoutVoi(voi, levelsOf(countsOf(words, values.length), values, shows), values, image) : voi;
  const { inverted, words: turnedOver } = polarityOf(attributes, image, warn);
  const deep = image.bitsStored > 8;
  const white = deep ? 65_535 : 255;
  const grays = perWord(words, (word) => {
    const share = apply(values[word] ?? 0);
    return shows[word] ? Math.round(white * (inverted ? 1 - share : share)) : 0;
  });

  const pixels = deep ? deepGrays(words, Uint16Array.from(grays)) : byteGrays(words, Uint8Array.from(grays));
  const steps = [modality.value.words, how, turnedOver];
  return ok({ pixels, rendering: steps.filter((step) => step !== null).join(', then ') });
}

/** Something worked out for every word that there can be. */
function perWord(words: Words, of: (word: number) => number): Float64Array {
  const table = new Float64Array(words instanceof Uint16Array ? 65_536 : 256);
  for (let word = 0; word < table.length; word++) table[word] = of(word);
  return table;
}

/** A loop per depth, so that V8 compiles each for one type of array: a loop that sees both takes twice as long. */
function deepGrays(words: Words, table: Uint16Array): Uint16Array {
  const grays = new Uint16Array(words.length);
  for (let i = 0; i < grays.length; i++) grays[i] = table[words[i] ?? 0] ?? 0;
  return grays;
}

function byteGrays(words: Words, table: Uint8Array): Uint8Array {
  const grays = new Uint8Array(words.length);
  for (let i = 0; i < grays.length; i++) grays[i] = table[words[i] ?? 0] ?? 0;
  return grays;
}

/** So many pixels show what a film uses; all pixels are counted only where their percentiles become its window. */
const samples = 500_000;
/** An odd step, so that pixels of all columns are looked at. */
const stepOf = (words: Words) => Math.floor(words.length / samples) | 1;

/** How often each word occurs, in every pixel or in one per step. */
function countsOf(words: Words, range: number, step = 1): Uint32Array {
  const counts = new Uint32Array(range);
  // By index: V8 runs the iterator of a typed array many times slower.
  for (let i = 0; i < words.length; i += step) {
    const word = words[i] ?? 0;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

function levelsOf(counts: Uint32Array, values: Float64Array, shows: Float64Array): Level[] {
  const levels: Level[] = [];
  counts.forEach((count, word) => {
    if (count > 0 && shows[word]) levels.push({ value: values[word] ?? 0, count });
  });
  return levels;
}

/** Share of the pixels that may have stray bits: a few broken words say nothing about Bits Stored. */
const strayShare = 0.001;

/**
 * A warning where words use bits that Bits Stored leaves out. They are taken off (PS3.5, 8.1.1): they may be an overlay of the
 * older standard. But where Bits Stored is too small, the film is wrapped.
 */
function warnOfUnusedBits(
  counts: Uint32Array,
  shows: Float64Array,
  { bitsStored, highBit, signed, bitsAllocated }: Image,
  isNative: boolean,
  attributes: Attributes,
  warn: Warn,
): void {
  if (!isNative || highBit + 1 === bitsAllocated || (attributes.uint16(tags.overlayBitPosition) ?? 0) > 0) return;
  let [stray, all] = [0, 0];
  counts.forEach((count, word) => {
    const above = word >> (highBit + 1);
    const extension = signed && (word >> highBit) % 2 === 1 ? 2 ** (bitsAllocated - highBit - 1) - 1 : 0;
    all += count;
    if (above !== extension && shows[word]) stray += count;
  });
  if (stray <= strayShare * all) return;
  warn({
    code: 'bits_stored_exceeded',
    message: `${((100 * stray) / all).toFixed(1)} % of the pixels have bits above High Bit (0028,0102), which were left out; Bits Stored (0028,0101) may be too small.`,
    attribute: '(0028,0101)',
    found: String(bitsStored),
  });
}

/** The stated default of a film that brings neither VOI LUT nor a window that can be used. */
function withoutVoi({ lacks }: NoVoi, levels: readonly Level[], values: Float64Array, { bitsStored }: Image): Voi {
  const possible = Array.from(values);
  const { low, high, words: how } = defaultWindow(levels, possible, bitsStored);
  const range = high > low ? high - low : 1;
  return {
    apply: (value) => Math.max(0, Math.min(1, (value - low) / range)),
    words: `${lacks}, so ${how}: ${round(low)} to ${round(high)}`,
  };
}

const round = (value: number) => Number(value.toFixed(3));
