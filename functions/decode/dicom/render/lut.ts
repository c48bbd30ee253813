import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';
import type { Interval } from './interval.ts';

/** A lookup table (PS3.3, C.11.1.1 and C.11.2.1.1). */
export type Lut = {
  /** The input of the first entry. An input outside the table uses the nearest entry. */
  readonly first: number;
  readonly entries: Uint16Array;
  /** Bits per entry, by the descriptor. */
  readonly bits: number;
  /** The output for white. */
  readonly white: number;
};

/** A sequence of lookup tables. */
export type LutSequence = { readonly tag: Tag; readonly name: string };

/** The usable tables of a LUT sequence, in order. Warns about each unusable table. */
export function usableLuts(
  attributes: Attributes,
  { tag, name }: LutSequence,
  input: Interval,
  warn: Warn,
): readonly Lut[] {
  const items = attributes.items(tag);
  const unusable = (reason: string, found?: readonly (number | undefined)[]) =>
    warn({
      code: 'lut_unusable',
      message: `A lookup table of ${name} ${reason}. The table was not used.`,
      attribute: name.slice(-11),
      ...(found && found.length > 0 && { found: found.map((value) => value ?? '').join('\\') }),
    });
  if (items.length === 0 && attributes.bytes(tag)) unusable('is not in an item');
  return items.flatMap((item) => {
    const stored = item.bytes(tags.lutData);
    const descriptor = [0, 1, 2].flatMap((index) => item.uint16(tags.lutDescriptor, index) ?? []);
    const [count, , bits] = descriptor;
    if (count === undefined || bits === undefined || bits < 1 || bits > 16) {
      unusable('has no valid LUT Descriptor (0028,3002)', descriptor);
      return [];
    }
    // A count of 0 means 65536.
    const length = count === 0 ? 65_536 : count;
    // A word may have two 8-bit entries.
    const isPacked = stored !== undefined && bits <= 8 && stored.length === length + (length % 2);
    const entries = isPacked ? Uint16Array.from(stored) : item.words(tags.lutData, length);
    if (entries.length < length) {
      unusable(`has ${entries.length} entries, fewer than its LUT Descriptor (0028,3002) says`, descriptor);
      return [];
    }
    const used = entries.subarray(0, length);
    return [{ first: firstInput(item, length, input), entries: used, bits, white: whiteLevel(used, bits) }];
  });
}

/**
 * The input of the first entry: the second number of the descriptor. The number is signed if the input is signed. The value
 * representation (SS or US) is often wrong and is absent in Implicit VR. So the interpretation in the range of the input is used.
 * If both interpretations or none are in the range, the one with the larger overlap of table and range is used.
 */
function firstInput(item: Attributes, length: number, input: Interval): number {
  const [signed = 0, unsigned = 0] = [item.int16(tags.lutDescriptor, 1), item.uint16(tags.lutDescriptor, 1)];
  const isInRange = (first: number) => Number(first >= input.low && first <= input.high);
  const coverage = (first: number) => Math.min(first + length - 1, input.high) - Math.max(first, input.low);
  const preference = isInRange(signed) - isInRange(unsigned) || coverage(signed) - coverage(unsigned);
  if (preference !== 0) return preference > 0 ? signed : unsigned;
  return item.vr(tags.lutDescriptor) === 'SS' ? signed : unsigned;
}

/**
 * The output for white: the maximum of the bits that the largest entry needs. Many descriptors state 16 bits for entries of 10 to
 * 14 bits. White by the descriptor would then make the film dark.
 */
function whiteLevel(entries: Uint16Array, bits: number): number {
  const largest = entries.reduce((most, entry) => Math.max(most, entry), 0);
  // A largest entry of exactly a power of two is a rounding error of the writer, so it needs no further bit.
  const needed = Math.max(1, Math.ceil(Math.log2(Math.max(2, largest))));
  return needed === bits ? 2 ** bits - 1 : 2 ** needed - 1;
}

export function lookUp({ first, entries }: Lut, input: number): number {
  const index = Math.round(input) - first;
  return entries[Math.max(0, Math.min(entries.length - 1, index))] ?? 0;
}
