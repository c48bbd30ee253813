import {
  type Dataset,
  delimiter,
  type Element,
  type Encoding,
  encodeElement,
  head,
  undefinedLength,
} from './element.ts';
import { transferSyntaxes } from './part10.ts';
import { tags } from './tags.ts';

/** A data set with one fault that occurs in real files. */
export type Malformed = {
  readonly name: string;
  readonly body: Buffer;
  /** Unusual, but valid: the reading has no warning. */
  readonly isSound?: true;
};

const item = 0xfffe_e000;
const itemEnd = 0xfffe_e00d;
const sequenceEnd = 0xfffe_e0dd;

/** Replace the value representation of an element. */
function withVr(element: Buffer, vr: string): Buffer {
  const copy = Buffer.from(element);
  copy.write(vr, 4, 'latin1');
  return copy;
}

/** Rewrite the length field of an element. */
function withLength(element: Buffer, length: number, { little, explicit }: Encoding): Buffer {
  const copy = Buffer.from(element);
  const isLong = explicit && /^(O[BDFLVW]|S[QV]|U[CNRTV])$/.test(copy.toString('latin1', 4, 6));
  const [at, size] = explicit ? (isLong ? [8, 4] : [6, 2]) : [4, 4];
  const value = size === 2 ? length & 0xffff : length >>> 0;
  if (little) copy.writeUIntLE(value, at, size);
  else copy.writeUIntBE(value, at, size);
  return copy;
}

const headBytes = (element: Buffer, { explicit }: Encoding) =>
  explicit && /^(O[BDFLVW]|S[QV]|U[CNRTV])$/.test(element.toString('latin1', 4, 6)) ? 12 : 8;

/** The element in the encoding of the other VR (explicit or implicit). */
const inOtherForm = (element: Element, encoding: Encoding) =>
  encodeElement(element, { ...encoding, explicit: !encoding.explicit });

/** Every fault at every element of a data set before its pixel data. */
export function* malformed(dataset: Dataset, encoding: Encoding): Generator<Malformed> {
  const parts = dataset.map((element) => encodeElement(element, encoding));
  const count = dataset.findIndex(({ tag }) => tag === tags.PixelData);
  const built = (i: number, ...by: readonly Uint8Array[]) =>
    Buffer.concat([...parts.slice(0, i), ...by, ...parts.slice(i + 1)]);
  for (let i = 0; i < count; i++) {
    const [element, part, next] = [dataset[i], parts[i], parts[i + 1]];
    if (!element || !part || !next) continue;
    const at = element.tag.toString(16).padStart(8, '0');
    const start = headBytes(part, encoding);
    const length = part.length - start;
    const make = (name: string, ...by: readonly Uint8Array[]) => ({ name: `${name}, ${at}`, body: built(i, ...by) });
    for (const other of [
      length + 1,
      length - 1,
      length + 2,
      length - 2,
      length + 8,
      0,
      65_534,
      0x7fff_fffe,
      undefinedLength,
    ])
      if (other !== length && other >= 0)
        yield make(`length ${other} instead of ${length}`, withLength(part, other, encoding));
    yield make('a length that reaches over the next element', withLength(part, length + next.length, encoding));
    const afterNext = parts[i + 2];
    if (afterNext && i + 2 < count)
      yield make('a length that reaches over two', withLength(part, length + next.length + afterNext.length, encoding));
    yield make('twice', part, part);
    if (length > 0 && !('items' in element)) {
      const another = Buffer.from(part);
      another[another.length - 1] = (another[another.length - 1] ?? 0) ^ 1;
      yield make('twice, with two values', part, another);
      const isPadded = /[ \0]/.test(String.fromCharCode(part.at(-1) ?? 0));
      if (isPadded)
        yield make('without its last byte, in an odd length', withLength(part, length - 1, encoding).subarray(0, -1));
      yield make('an odd length without the padding', withLength(part, length - 1, encoding));
      yield make('cut short', part.subarray(0, -2));
    }
    yield make('in the other form', inOtherForm(element, encoding));
    if (encoding.explicit) {
      for (const vr of ['\0\0', '??', '  ', 'ZZ', 'UN', 'OB', 'SQ'])
        if (!('items' in element)) yield make(`VR ${JSON.stringify(vr)}`, withVr(part, vr));
      if (!('items' in element)) {
        const value = part.subarray(start);
        const nul = head(element.tag, '\0\0', value.length, encoding);
        yield make('no VR and a length of four bytes', delimiter(element.tag, value.length, encoding), value);
        yield make('no VR and a length of two bytes', nul, value);
        yield make('UN with a length of two bytes', nul.subarray(0, 4), Buffer.from('UN'), nul.subarray(6), value);
      }
    }
    const before = (name: string, ...by: readonly Uint8Array[]) => make(`${name} before`, ...by, part);
    yield before('an Item Delimitation Item', delimiter(itemEnd, 0, encoding));
    yield before('a Sequence Delimitation Item', delimiter(sequenceEnd, 0, encoding));
    yield before('an empty item', delimiter(item, 0, encoding));
    yield before('eight zeros', Buffer.alloc(8));
    yield before('two zeros', Buffer.alloc(2));
    yield before('garbage', Buffer.from('JANE DOE, NOT A TAG'));
    yield before(
      'a transfer syntax',
      encodeElement({ tag: tags.TransferSyntaxUID, vr: 'UI', value: '1.2.840.10008.1.2.2' }, encoding),
    );
    const privateTag = (element.tag & 0xffff_0000) - 0x1_0000 + 0x1002;
    if (encoding.explicit && (element.tag >>> 16) % 2 === 0)
      yield before('a private element without VR', delimiter(privateTag >>> 0, 6, encoding), Buffer.from('ABCDEF'));
    if (i + 1 < count)
      yield {
        name: `out of order, ${at}`,
        body: Buffer.concat([...parts.slice(0, i), next, part, ...parts.slice(i + 2)]),
      };
    yield* sequences(element.tag, encoding, before);
  }
}

/** Faults of a sequence before an element. */
function* sequences(
  tag: number,
  encoding: Encoding,
  before: (name: string, ...by: readonly Uint8Array[]) => Malformed,
): Generator<Malformed> {
  const sequence = (tag - 1) >>> 0;
  if (tag < 0x0010_0000 || tag > 0x0020_000d || tag % 65_536 === 0) return;
  const inner = [
    encodeElement({ tag: 0x0008_0100, vr: 'SH', value: '1234' }, encoding),
    // Attributes of the film that must not get into the data set.
    encodeElement({ tag: 0x0010_0010, vr: 'PN', value: 'SOMEONE^ELSE' }, encoding),
    encodeElement({ tag: 0x7fdf_0010, vr: 'LO', value: 'TEXT' }, encoding),
  ];
  const body = Buffer.concat(inner);
  const [d, open] = [delimiter, undefinedLength];
  const sq = (length: number) => head(sequence, 'SQ', length, encoding);
  const [e00d, e0dd] = [d(itemEnd, 0, encoding), d(sequenceEnd, 0, encoding)];
  const it = (length: number) => d(item, length, encoding);
  yield before('no item delimiter', sq(open), it(open), body, e0dd);
  yield before('no sequence delimiter', sq(open), it(open), body, e00d);
  yield before('neither delimiter', sq(open), it(open), body);
  yield before('two items, no item delimiter', sq(open), it(open), body, it(open), body, e0dd);
  yield before('a delimiter too many', sq(body.length + 8), it(body.length), body, e0dd);
  yield before('a delimiter in a stated length', sq(body.length + 16), it(body.length), body, e0dd);
  yield before('an item delimiter in a stated length', sq(body.length + 16), it(body.length + 8), body, e00d);
  for (const wrong of [-body.length - 8, -(inner[2]?.length ?? 0), -2, 2, 8]) {
    const shorter = body.length + wrong;
    if (shorter >= 0) yield before(`item length ${wrong}`, sq(body.length + 8), it(shorter), body);
    if (shorter >= 0) yield before(`item length ${wrong}, no sequence length`, sq(open), it(shorter), body, e0dd);
    yield before(`sequence length ${wrong}`, sq(body.length + 8 + wrong), it(body.length), body);
    if (shorter >= 0) yield before(`both lengths ${wrong}`, sq(body.length + 8 + wrong), it(shorter), body);
  }
  const other = { ...encoding, explicit: !encoding.explicit };
  const mixed = encodeElement({ tag: 0x0008_0100, vr: 'SH', value: '1234' }, other);
  yield before('items in the other VR', sq(mixed.length + 8), it(mixed.length), mixed);
  yield before('open items in the other VR', sq(open), it(open), mixed, e00d, e0dd);
  const image = [it(0), it(4), Buffer.from([0xff, 0xd8, 0xff, 0xd9]), e0dd];
  const icon = [it(open), head(0x7fe0_0010, 'OB', open, encoding), ...image, e00d, e0dd];
  yield { ...before('an icon in fragments', sq(open), ...icon), isSound: true };
  yield { ...before('private fragments', head(sequence, 'OB', open, encoding), ...image), isSound: true };
}

export const encodings = [
  transferSyntaxes.explicitLittle,
  transferSyntaxes.implicitLittle,
  transferSyntaxes.explicitBig,
] as const;
