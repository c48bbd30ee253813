import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import type { Interval } from './interval.ts';
import { type Tag, tags } from './tags.ts';

/** A lookup table (PS3.3, C.11.1.1 and C.11.2.1.1). */
export type Lut = {
  /** The input that the first entry is for; what lies outside takes the nearest entry. */
  readonly first: number;
  readonly entries: Uint16Array;
  /** The largest output that the descriptor allows for. */
  readonly top: number;
};

/** The first table of a LUT sequence, for inputs of a range; null where there is none. */
export function lutIn(attributes: Attributes, sequence: Tag, input: Interval): Result<Lut | null, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'unusable_header', problem });
  const [item] = attributes.items(sequence);
  if (!item) return attributes.bytes(sequence) ? wrong('a LUT sequence has no item') : ok(null);
  const stored = item.bytes(tags.lutData);
  if (!stored && !item.bytes(tags.lutDescriptor)) return ok(null);
  const count = item.uint16(tags.lutDescriptor, 0);
  const bits = item.uint16(tags.lutDescriptor, 2);
  if (count === undefined || bits === undefined || bits < 1 || bits > 16)
    return wrong('a lookup table has no sensible LUT Descriptor (0028,3002)');
  // A count of zero stands for 65536.
  const length = count === 0 ? 65_536 : count;
  // Entries of 8 bits may lie two to a word.
  const packed = stored !== undefined && bits <= 8 && stored.length === length + (length % 2);
  const entries = packed ? Uint16Array.from(stored) : item.words(tags.lutData, length);
  if (entries.length < length) return wrong('a lookup table is shorter than its LUT Descriptor (0028,3002) says');
  const used = entries.subarray(0, length);
  return ok({ first: firstInput(item, length, input), entries: used, top: topOf(used, bits) });
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

/** What the descriptor allows for, or what next larger number of bits holds, where entries go beyond it. */
function topOf(entries: Uint16Array, bits: number): number {
  const largest = entries.reduce((most, entry) => Math.max(most, entry), 0);
  let top = 2 ** bits - 1;
  while (top < largest) top = 2 * top + 1;
  return top;
}

export function lookUp({ first, entries }: Lut, input: number): number {
  const index = Math.round(input) - first;
  return entries[Math.max(0, Math.min(entries.length - 1, index))] ?? 0;
}
