import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import { ok, type Result } from '../../../core/result.ts';
import type { Frame, Words } from '../codecs/pixels.ts';
import type { Image } from '../image.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';
import { bulkRange, defaultWindow, type Level, renderedBits } from './default-window.ts';
import { pixelRange } from './interval.ts';
import { modalityTransform } from './modality.ts';
import { paddingTest, pixelValue } from './pixel-value.ts';
import { polarityOf } from './polarity.ts';
import { type NoVoi, type Voi, voiTransform } from './voi.ts';

/** Gray values with white bone, and a description of the rendering steps. */
export type Gray = {
  readonly pixels: Uint8Array | Uint16Array;
  readonly rendering: string;
  /** Whether the window follows from the pixels of the film. */
  readonly isWindowByPixels: boolean;
};

/**
 * Render stored words to gray (PS3.4, annex N.2): modality transform, VOI transform, polarity. The gray depends only on the
 * word, so it is computed once per possible word and looked up per pixel. Padding is black with both polarities.
 */
export function grayOf(
  { words, stream, highestWord }: Frame,
  image: Image,
  attributes: Attributes,
  warn: Warn,
): Result<Gray, Fault> {
  const modality = modalityTransform(attributes, pixelRange(image), warn);
  if (!modality.ok) return modality;

  const stored = pixelValue(image, stream);
  const isPadding = paddingTest(attributes, image);
  const perWord = (of: (word: number) => number) => tableOf(highestWord + 1, of);
  const values = perWord((word) => modality.value.apply(stored(word)));
  const isVisible = perWord((word) => Number(!isPadding(word, stored(word))));
  const counts = countsOf(words, values.length, stepOf(words));
  warnOfUnusedBits(counts, isVisible, image, stream === null, attributes, warn);
  const usedRange = bulkRange(levelsOf(counts, values, isVisible));
  const voi = voiTransform(attributes, modality.value.range, usedRange, warn);
  const { apply, description } =
    'reason' in voi ? defaultVoi(voi, levelsOf(countsOf(words, values.length), values, isVisible), values, image) : voi;
  const polarity = polarityOf(attributes, image, warn);
  const is16Bit = image.bitsStored > 8;
  const white = is16Bit ? 65_535 : 255;
  const grays = perWord((word) => {
    const share = apply(values[word] ?? 0);
    return isVisible[word] ? Math.round(white * (polarity.isInverted ? 1 - share : share)) : 0;
  });

  const pixels = is16Bit ? wordGrays(words, Uint16Array.from(grays)) : byteGrays(words, Uint8Array.from(grays));
  const steps = [modality.value.description, description, polarity.description];
  const rendering = steps.filter((step) => step !== null).join(', then ');
  return ok({ pixels, rendering, isWindowByPixels: 'reason' in voi && image.bitsStored > renderedBits });
}

/** A table with the result of a function for every word below `length`. */
function tableOf(length: number, of: (word: number) => number): Float64Array {
  const table = new Float64Array(length);
  for (let word = 0; word < table.length; word++) table[word] = of(word);
  return table;
}

/** One loop per depth, so that V8 compiles each loop for one type of array. One loop for both types takes twice as long. */
function wordGrays(words: Words, table: Uint16Array): Uint16Array {
  const grays = new Uint16Array(words.length);
  for (let i = 0; i < grays.length; i++) grays[i] = table[words[i] ?? 0] ?? 0;
  return grays;
}

function byteGrays(words: Words, table: Uint8Array): Uint8Array {
  const grays = new Uint8Array(words.length);
  for (let i = 0; i < grays.length; i++) grays[i] = table[words[i] ?? 0] ?? 0;
  return grays;
}

/** Number of pixels to sample for the range of a film. All pixels are counted only for the default window. */
const sampleCount = 500_000;
/** An odd step rarely divides the width, so the samples come from all columns. */
const stepOf = (words: Words) => Math.floor(words.length / sampleCount) | 1;

/** The number of pixels per word. With a step, only one pixel per step is counted. */
function countsOf(words: Words, range: number, step = 1): Uint32Array {
  const counts = new Uint32Array(range);
  // A loop by index is many times faster in V8 than the iterator of a typed array.
  for (let i = 0; i < words.length; i += step) {
    const word = words[i] ?? 0;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

function levelsOf(counts: Uint32Array, values: Float64Array, isVisible: Float64Array): Level[] {
  const levels: Level[] = [];
  counts.forEach((count, word) => {
    if (count > 0 && isVisible[word]) levels.push({ value: values[word] ?? 0, count });
  });
  return levels;
}

/** Share of pixels that may have stray bits without a warning. A few broken words are no evidence that Bits Stored is wrong. */
const strayShare = 0.001;

/**
 * Warn if words have bits above High Bit. These bits are ignored (PS3.5, 8.1.1), because older files store an overlay in them. But
 * if Bits Stored is too small, the values of the film wrap around.
 */
function warnOfUnusedBits(
  counts: Uint32Array,
  isVisible: Float64Array,
  { bitsStored, highBit, isSigned, bitsAllocated }: Image,
  isNative: boolean,
  attributes: Attributes,
  warn: Warn,
): void {
  if (!isNative || highBit + 1 === bitsAllocated || (attributes.uint16(tags.overlayBitPosition) ?? 0) > 0) return;
  let [stray, all] = [0, 0];
  counts.forEach((count, word) => {
    const above = word >> (highBit + 1);
    const extension = isSigned && (word >> highBit) % 2 === 1 ? 2 ** (bitsAllocated - highBit - 1) - 1 : 0;
    all += count;
    if (above !== extension && isVisible[word]) stray += count;
  });
  if (stray <= strayShare * all) return;
  warn({
    code: 'bits_stored_exceeded',
    message: `${((100 * stray) / all).toFixed(1)} % of the pixels have bits above High Bit (0028,0102). These bits were ignored. Bits Stored (0028,0101) may be too small.`,
    attribute: '(0028,0101)',
    found: String(bitsStored),
  });
}

/** The default window of a film without a usable VOI LUT or window. */
function defaultVoi({ reason }: NoVoi, levels: readonly Level[], values: Float64Array, { bitsStored }: Image): Voi {
  const possible = Array.from(values);
  const { low, high, description } = defaultWindow(levels, possible, bitsStored);
  const range = high > low ? high - low : 1;
  return {
    apply: (value) => Math.max(0, Math.min(1, (value - low) / range)),
    description: `${reason}, so ${description}: ${round(low)} to ${round(high)}`,
  };
}

const round = (value: number) => Number(value.toFixed(3));
