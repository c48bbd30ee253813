import type { Fault } from '../../fault.ts';
import { fail, ok, type Result } from '../../result.ts';
import type { Attributes } from './attributes.ts';
import { type Tag, tags } from './tags.ts';

/** A lookup table (PS3.3, C.11.1.1 and C.11.2.1.1). */
export type Lut = {
  /** The input that the first entry is for; what lies outside takes the nearest entry. */
  readonly first: number;
  readonly entries: Uint16Array;
  /** The largest output that the descriptor allows for. */
  readonly top: number;
};

/** The first table of a LUT sequence; null where there is none. */
export function lutIn(attributes: Attributes, sequence: Tag, signedInput: boolean): Result<Lut | null, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'corrupt_image', problem });
  const [item] = attributes.items(sequence);
  if (!item) return attributes.bytes(sequence) ? wrong('a LUT sequence has no item') : ok(null);
  const count = item.uint16(tags.lutDescriptor, 0);
  const bits = item.uint16(tags.lutDescriptor, 2);
  // The descriptor is US or SS by the sign of the input, which an implicit file does not repeat.
  const signed = item.vr(tags.lutDescriptor) === 'SS' || (item.vr(tags.lutDescriptor) !== 'US' && signedInput);
  const first = signed ? item.int16(tags.lutDescriptor, 1) : item.uint16(tags.lutDescriptor, 1);
  if (count === undefined || first === undefined || bits === undefined || bits < 1 || bits > 16)
    return wrong('a lookup table has no sensible LUT Descriptor (0028,3002)');
  // A count of zero stands for 65536.
  const length = count === 0 ? 65_536 : count;
  const stored = item.bytes(tags.lutData);
  // Entries of 8 bits may lie two to a word.
  const packed = stored !== undefined && bits <= 8 && stored.length === length + (length % 2);
  const entries = packed ? Uint16Array.from(stored) : item.words(tags.lutData, length);
  if (entries.length < length) return wrong('a lookup table is shorter than its LUT Descriptor (0028,3002) says');
  return ok({ first, entries: entries.subarray(0, length), top: 2 ** bits - 1 });
}

export function lookUp({ first, entries }: Lut, input: number): number {
  const index = Math.round(input) - first;
  return entries[Math.max(0, Math.min(entries.length - 1, index))] ?? 0;
}
