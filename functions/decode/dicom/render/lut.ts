import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import type { Attributes } from '../parse/attributes.ts';
import type { Warn } from '../parse/header-error.ts';
import type { Interval } from './interval.ts';

/** A lookup table (PS3.3, C.11.1.1 and C.11.2.1.1). */
export type Lut = {
  /** The input that the first entry is for; what lies outside takes the nearest entry. */
  readonly first: number;
  readonly entries: Uint16Array;
  /** The bits of an entry, by the descriptor. */
  readonly bits: number;
  /** The output that is white. */
  readonly top: number;
};

/** The name of a sequence of lookup tables, and its number. */
export type LutSequence = { readonly tag: Tag; readonly name: string };

/** The tables of a LUT sequence that can be used, in order, for inputs of a range; of the others a warning tells why not. */
export function lutsIn(
  attributes: Attributes,
  { tag, name }: LutSequence,
  input: Interval,
  warn: Warn,
): readonly Lut[] {
  const items = attributes.items(tag);
  const unusable = (reason: string, found?: readonly (number | undefined)[]) =>
    warn({
      code: 'lut_unusable',
      message: `A lookup table of ${name} ${reason}; it was not used.`,
      attribute: name.slice(-11),
      ...(found && found.length > 0 && { found: found.map((value) => value ?? '').join('\\') }),
    });
  if (items.length === 0 && attributes.bytes(tag)) unusable('has no item');
  return items.flatMap((item) => {
    const stored = item.bytes(tags.lutData);
    const descriptor = [0, 1, 2].flatMap((index) => item.uint16(tags.lutDescriptor, index) ?? []);
    const [count, , bits] = descriptor;
    if (count === undefined || bits === undefined || bits < 1 || bits > 16) {
      unusable('has no LUT Descriptor (0028,3002) that can be used', descriptor);
      return [];
    }
    // A count of zero stands for 65536.
    const length = count === 0 ? 65_536 : count;
    // Entries of 8 bits may lie two to a word.
    const packed = stored !== undefined && bits <= 8 && stored.length === length + (length % 2);
    const entries = packed ? Uint16Array.from(stored) : item.words(tags.lutData, length);
    if (entries.length < length) {
      unusable(`has ${entries.length} entries, fewer than its LUT Descriptor (0028,3002) says`, descriptor);
      return [];
    }
    const used = entries.subarray(0, length);
    return [{ first: firstInput(item, length, input), entries: used, bits, top: topOf(used, bits) }];
  });
}

/**
 * The second number of a descriptor, which is signed or not as the input is: what the file writes of it, SS or US, is
 * often not that, and an implicit file writes nothing. So it is read as the number that lies in the range of the input,
 * otherwise as the one whose table covers more of it.
 */
function firstInput(item: Attributes, length: number, input: Interval): number {
  const [signed = 0, unsigned = 0] = [item.int16(tags.lutDescriptor, 1), item.uint16(tags.lutDescriptor, 1)];
  const lies = (first: number) => Number(first >= input.low && first <= input.high);
  const covers = (first: number) => Math.min(first + length - 1, input.high) - Math.max(first, input.low);
  const preference = lies(signed) - lies(unsigned) || covers(signed) - covers(unsigned);
  if (preference !== 0) return preference > 0 ? signed : unsigned;
  return item.vr(tags.lutDescriptor) === 'SS' ? signed : unsigned;
}

/**
 * The white of a table: what its descriptor allows for, unless the largest entry needs more bits, or fewer. A descriptor of
 * 16 bits is often written for entries of 10 to 14, which would leave the film dark.
 */
function topOf(entries: Uint16Array, bits: number): number {
  const largest = entries.reduce((most, entry) => Math.max(most, entry), 0);
  // One more than a number of bits holds is a rounding error of the writer.
  const needed = Math.max(1, Math.ceil(Math.log2(Math.max(2, largest))));
  return needed === bits ? 2 ** bits - 1 : 2 ** needed - 1;
}

export function lookUp({ first, entries }: Lut, input: number): number {
  const index = Math.round(input) - first;
  return entries[Math.max(0, Math.min(entries.length - 1, index))] ?? 0;
}
