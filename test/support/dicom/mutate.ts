import { deflateRawSync } from 'node:zlib';
import { delimiter, undefinedLength } from './element.ts';
import { random } from './film.ts';
import type { Span, Subject } from './subject.ts';

export type Mutated = { readonly bytes: Buffer<ArrayBuffer>; readonly from: string; readonly by: string };

/** Random draws of one seed. */
type Dice = {
  below(n: number): number;
  one<Value>(values: readonly Value[]): Value;
};
type Mutation = (
  bytes: Buffer<ArrayBuffer>,
  dice: Dice,
  from: Subject,
  others: readonly Subject[],
) => Buffer<ArrayBuffer>;

const copyOf = (bytes: Uint8Array) => Buffer.from(bytes);
const numbers = [
  0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 4095, 32_767, 32_768, 65_534, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe,
  0xffff_ffff,
];
const texts = [
  '',
  '0',
  '-1',
  '1e999',
  '-1e999',
  'NaN',
  '2147483647',
  '4294967296',
  '\\',
  '\\\\\\\\',
  '1\\',
  '0.0000001',
  'A'.repeat(999),
  '\0',
  '\xff\xfe',
  '\x1b$B',
  '\x1b$)C\x1b',
  'ISO 2022 IR 87',
  // Names that every object has as properties: a lookup in a table of known values must not find them.
  'constructor',
  'toString',
  '__proto__',
  'MONOCHROME1',
  'SIGMOID',
  '1.2.840.10008.1.2.4.90',
];

/** Overwrite a number if it fits. */
function poke(bytes: Buffer<ArrayBuffer>, at: number, size: number, value: number, little: boolean): void {
  for (let i = 0; i < size; i++) {
    const shift = 8 * (little ? i : size - 1 - i);
    if (at + i < bytes.length) bytes[at + i] = Math.floor(value / 2 ** shift) % 256;
  }
}

function flip(bytes: Buffer<ArrayBuffer>, dice: Dice, low: number, high: number, most: number): Buffer<ArrayBuffer> {
  const copy = copyOf(bytes);
  for (let left = 1 + dice.below(most); left > 0; left--) {
    const at = low + dice.below(Math.max(1, high - low));
    copy[at] = (copy[at] ?? 0) ^ (1 << dice.below(8));
  }
  return copy;
}

const pixelsOf = ({ spans, bytes }: Subject): Span => {
  const found = spans.find(({ tag }) => tag === 0x7fe0_0010);
  return found ?? { tag: 0, start: bytes.length, value: bytes.length, end: bytes.length };
};
const startOf = ({ spans }: Subject) => spans[0]?.start ?? 0;

/** Replace the bytes of a span. */
const replaced = (bytes: Uint8Array, start: number, end: number, ...by: readonly Uint8Array[]) =>
  Buffer.concat([bytes.subarray(0, start), ...by, bytes.subarray(end)]);

/** The head of an element with another length. */
function resized(from: Subject, span: Span, length: number): Buffer {
  const header = copyOf(from.bytes.subarray(span.start, span.value));
  const size = from.encoding.explicit && header.length === 8 && span.tag !== 0x7fe0_0010 ? 2 : 4;
  poke(header, header.length - size, size, length, from.encoding.little || span.tag >>> 16 === 2);
  return header;
}

const mutations: Readonly<Record<string, Mutation>> = {
  'bits flipped': (bytes, dice) => flip(bytes, dice, 0, bytes.length, 16),
  'bits of the header flipped': (bytes, dice, from) => flip(bytes, dice, startOf(from), pixelsOf(from).value + 20, 4),
  'bits of the frame header flipped': (bytes, dice, from) => {
    const { value } = pixelsOf(from);
    return flip(bytes, dice, value, value + 200, 4);
  },
  'a number of the frame header overwritten': (bytes, dice, from) => {
    const copy = copyOf(bytes);
    poke(copy, pixelsOf(from).value + dice.below(200), dice.one([1, 2, 4]), dice.one(numbers), dice.one([true, false]));
    return copy;
  },
  'a number overwritten': (bytes, dice) => {
    const copy = copyOf(bytes);
    poke(copy, dice.below(copy.length), dice.one([1, 2, 4]), dice.one(numbers), dice.one([true, false]));
    return copy;
  },
  'the value of an element overwritten': (bytes, dice, from) => {
    const copy = copyOf(bytes);
    const span = dice.one(from.spans);
    poke(copy, span.value, Math.min(4, span.end - span.value), dice.one(numbers), from.encoding.little);
    return copy;
  },
  'a length overwritten': (bytes, dice, from) => {
    const copy = copyOf(bytes);
    const span = dice.one(from.spans);
    const size = dice.one([2, 4]);
    poke(
      copy,
      span.value - size,
      size,
      dice.one([...numbers, span.end - span.value + 2, span.end - span.value - 2]),
      from.encoding.little,
    );
    return copy;
  },
  'a run copied over': (bytes, dice, _, others) => {
    const copy = copyOf(bytes);
    const source = dice.one(others).bytes;
    const start = dice.below(source.length);
    source.copy(copy, dice.below(copy.length), start, start + 1 + dice.below(300));
    return copy;
  },
  'a run put in': (bytes, dice, _, others) => {
    const source = dice.one(others).bytes;
    const start = dice.below(source.length);
    const at = dice.below(bytes.length);
    return replaced(bytes, at, at, source.subarray(start, start + 1 + dice.below(300)));
  },
  'a run taken out': (bytes, dice) => {
    const at = dice.below(bytes.length);
    return replaced(bytes, at, at + 1 + dice.below(300));
  },
  'cut off': (bytes, dice) => copyOf(bytes.subarray(0, dice.below(bytes.length))),
  'cut off in the header': (bytes, dice, from) => copyOf(bytes.subarray(0, dice.below(pixelsOf(from).value + 40))),
  'an element taken out': (bytes, dice, from) => {
    const { start, end } = dice.one(from.spans);
    return replaced(bytes, start, end);
  },
  'an element twice': (bytes, dice, from) => {
    const { start, end } = dice.one(from.spans);
    return replaced(bytes, end, end, bytes.subarray(start, end));
  },
  'two elements exchanged': (bytes, dice, from) => {
    const [a, b] = [dice.one(from.spans), dice.one(from.spans)].sort((x, y) => x.start - y.start);
    if (!a || !b || a === b) return copyOf(bytes);
    const [first, second] = [bytes.subarray(a.start, a.end), bytes.subarray(b.start, b.end)];
    return replaced(bytes, a.start, b.end, second, bytes.subarray(a.end, b.start), first);
  },
  'an element of another file': (bytes, dice, from, others) => {
    const span = dice.one(from.spans);
    const other = dice.one(others);
    const { start, end } = other.spans.find(({ tag }) => tag === span.tag) ?? dice.one(other.spans);
    return replaced(bytes, span.start, span.end, other.bytes.subarray(start, end));
  },
  'another value': (bytes, dice, from) => {
    const span = dice.one(from.spans);
    const text = Buffer.from(dice.one(texts), 'latin1');
    return replaced(bytes, span.start, span.end, resized(from, span, text.length), text);
  },
  'fragments in disorder': (bytes, dice, from) => {
    if (from.fragments.length === 0) return flip(bytes, dice, 0, bytes.length, 4);
    const { start, value } = pixelsOf(from);
    const pieces = from.fragments
      .flatMap((fragment) => {
        const middle = fragment.value + 2 * dice.below((fragment.end - fragment.value) / 2 + 1);
        return [bytes.subarray(fragment.value, middle), bytes.subarray(middle, fragment.end)];
      })
      .map((piece) => ({ piece, place: dice.below(4) }));
    const chosen = pieces.sort((a, b) => a.place - b.place).slice(dice.below(2), pieces.length + 1 - dice.below(2));
    const again = dice.below(3) === 0 ? chosen : [];
    const fragments = [{ piece: Buffer.alloc(4 * dice.below(3), dice.below(256)) }, ...chosen, ...again];
    return Buffer.concat([
      bytes.subarray(0, start),
      bytes.subarray(start, value),
      ...fragments.flatMap(({ piece }) => [
        delimiter(0xfffe_e000, dice.below(20) === 0 ? dice.one(numbers) : piece.length, from.encoding),
        piece,
      ]),
      dice.below(4) === 0
        ? Buffer.alloc(0)
        : delimiter(0xfffe_e0dd, dice.one([0, 0, 0, undefinedLength]), from.encoding),
    ]);
  },
};

export const kinds: readonly string[] = Object.keys(mutations);

/** The damaged file of a seed. The same seed and subjects give the same file. */
export function mutate(seed: number, subjects: readonly Subject[]): Mutated {
  const draw = random(seed);
  const dice: Dice = {
    below: (n) => Math.floor(draw() * n),
    one(values) {
      const value = values[Math.floor(draw() * values.length)];
      if (value === undefined) throw new Error('nothing to choose from');
      return value;
    },
  };
  // Codecs take most of the time, and headers have most kinds of damage. So half of the draws have no codec.
  const plain = subjects.filter(({ fragments }) => fragments.length === 0);
  const from = dice.one(dice.below(2) === 0 ? plain : subjects);
  // Half of the files have one damage, the others up to four.
  const wounds = dice.below(2) === 0 ? 1 : 1 + dice.below(4);
  let bytes = from.bytes;
  const by: string[] = [];
  for (let i = 0; i < wounds; i++) {
    const kind = dice.one(kinds);
    by.push(kind);
    bytes = mutations[kind]?.(bytes, dice, from, subjects) ?? bytes;
  }
  return { bytes: deflated(bytes, dice, from), from: from.name, by: by.join(', ') };
}

/** Deflate the inflated data set. In one of four files damage the stream itself. */
function deflated(bytes: Buffer<ArrayBuffer>, dice: Dice, { deflatedFrom }: Subject): Buffer<ArrayBuffer> {
  if (deflatedFrom === undefined || bytes.length < deflatedFrom) return bytes;
  const file = deflatedFile(bytes, deflatedFrom);
  return dice.below(4) === 0 ? flip(file, dice, deflatedFrom, file.length, 8) : file;
}

/** A file with a data set that is deflated from an offset on. */
export const deflatedFile = (bytes: Buffer<ArrayBuffer>, from: number) =>
  Buffer.concat([bytes.subarray(0, from), deflateRawSync(bytes.subarray(from), { level: 1 })]);
