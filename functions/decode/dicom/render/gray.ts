import { tags } from '../../../core/dicom-dictionary.ts';
import type { Fault } from '../../../core/fault.ts';
import type { Film, Size } from '../../../core/film.ts';
import { ok, type Result } from '../../../core/result.ts';
import { px } from '../../../core/units.ts';
import { averageSquares } from '../../shrink.ts';
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
  readonly film: Film;
  readonly rendering: string;
  /** Whether the window follows from the pixels of the film. */
  readonly isWindowByPixels: boolean;
};

/**
 * Render stored words to gray (PS3.4, annex N.2): modality transform, VOI transform, polarity. The gray depends only on the
 * word, so it is computed once per word and looked up per pixel. Padding is black with both polarities.
 *
 * @param shrink the side of the squares in which the grays of a 16-bit film are averaged. It divides both sides of the frame.
 */
export function grayOf(
  { words, size, stream, highestWord }: Frame,
  image: Image,
  attributes: Attributes,
  shrink: number,
  warn: Warn,
): Result<Gray, Fault> {
  const modality = modalityTransform(attributes, pixelRange(image), warn);
  if (!modality.ok) return modality;

  const stored = pixelValue(image, stream);
  const isPadding = paddingTest(attributes, image);
  const possible = highestWord + 1;
  const modalityValue = (word: number) => modality.value.apply(stored(word));
  const isVisible = (word: number) => !isPadding(word, stored(word));
  const counts = countsOf(words, possible, stepOf(words));
  warnOfUnusedBits(counts, isVisible, image, stream === null, attributes, warn);
  const usedRange = bulkRange(levelsOf(counts, modalityValue, isVisible));
  const voi = voiTransform(attributes, modality.value.range, usedRange, warn);
  const { apply, description } =
    'reason' in voi
      ? defaultVoi(
          voi,
          levelsOf(countsOf(words, possible), modalityValue, isVisible),
          Array.from({ length: possible }, (_, word) => modalityValue(word)),
          image,
        )
      : voi;
  const polarity = polarityOf(attributes, image, warn);
  const is16Bit = image.bitsStored > 8;
  const white = is16Bit ? 65_535 : 255;
  const grayOfWord = (word: number) => {
    if (!isVisible(word)) return 0;
    const share = apply(modalityValue(word));
    return Math.round(white * (polarity.isInverted ? 1 - share : share));
  };

  const grays: Grays = { table: new Int32Array(possible).fill(unknown), grayOfWord };
  const film = is16Bit ? shrunkGrays(words, size, shrink, grays) : { ...size, pixels: byteGrays(words, grays) };
  const steps = [modality.value.description, description, polarity.description];
  const rendering = steps.filter((step) => step !== null).join(', then ');
  return ok({ film, rendering, isWindowByPixels: 'reason' in voi && image.bitsStored > renderedBits });
}

/** The grays of the words that pixels have had so far. A film uses few of the words that it could have. */
type Grays = { readonly table: Int32Array; readonly grayOfWord: (word: number) => number };
const unknown = -1;

/** The grays of a 16-bit film, averaged in squares. The strips of the whole film stay in the cache of the processor. */
function shrunkGrays(words: Words, { width, height }: Size, shrink: number, grays: Grays): Film {
  const size = { width: px(width / shrink), height: px(height / shrink) };
  const pixels = new Uint16Array(size.width * size.height);
  if (shrink === 1) lookUpWords(words, 0, pixels, grays);
  else {
    const strip = new Uint16Array(shrink * width);
    for (let row = 0; row < size.height; row++) {
      lookUpWords(words, row * strip.length, strip, grays);
      averageSquares(strip, width, shrink, pixels.subarray(row * size.width, (row + 1) * size.width));
    }
  }
  return { ...size, pixels };
}

/** One loop per depth, so that V8 compiles each loop for one type of array. One loop for both types takes twice as long. */
function lookUpWords(words: Words, from: number, found: Uint16Array, { table, grayOfWord }: Grays): void {
  for (let i = 0; i < found.length; i++) {
    const word = words[from + i] ?? 0;
    let gray = table[word] ?? 0;
    if (gray === unknown) table[word] = gray = grayOfWord(word) | 0;
    found[i] = gray;
  }
}

function byteGrays(words: Words, { table, grayOfWord }: Grays): Uint8Array {
  const found = new Uint8Array(words.length);
  for (let i = 0; i < found.length; i++) {
    const word = words[i] ?? 0;
    let gray = table[word] ?? 0;
    if (gray === unknown) table[word] = gray = grayOfWord(word) | 0;
    found[i] = gray;
  }
  return found;
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

function levelsOf(
  counts: Uint32Array,
  modalityValue: (word: number) => number,
  isVisible: (word: number) => boolean,
): Level[] {
  const levels: Level[] = [];
  counts.forEach((count, word) => {
    if (count > 0 && isVisible(word)) levels.push({ value: modalityValue(word), count });
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
  isVisible: (word: number) => boolean,
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
    if (count > 0 && above !== extension && isVisible(word)) stray += count;
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
function defaultVoi(
  { reason }: NoVoi,
  levels: readonly Level[],
  possible: readonly number[],
  { bitsStored }: Image,
): Voi {
  const { low, high, description } = defaultWindow(levels, possible, bitsStored);
  const range = high > low ? high - low : 1;
  return {
    apply: (value) => Math.max(0, Math.min(1, (value - low) / range)),
    description: `${reason}, so ${description}: ${round(low)} to ${round(high)}`,
  };
}

const round = (value: number) => Number(value.toFixed(3));
