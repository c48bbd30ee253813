/** One data element for a test. It may violate the standard. */
export type Element = { readonly tag: number; readonly vr: string } & (
  | {
      /** Text in the bytes of its character set, or ISO 8859-1. Words of OW are little endian here. */
      readonly value: string | Uint8Array | readonly number[];
      /** Written instead of the true length. */
      readonly length?: number;
    }
  | { readonly items: readonly Dataset[]; readonly undefinedLength?: boolean }
  /** Encapsulated pixel data (PS3.5 A.4): the first fragment is the Basic Offset Table. */
  | { readonly fragments: readonly Uint8Array[] }
);
export type Dataset = readonly Element[];

export type Encoding = { readonly little: boolean; readonly explicit: boolean };
export const explicitLittle: Encoding = { little: true, explicit: true };

export const undefinedLength = 0xffff_ffff;
const item = 0xfffe_e000;
const itemDelimitation = 0xfffe_e00d;
const sequenceDelimitation = 0xfffe_e0dd;

/** The elements of a data set in the order of their tags. A later element replaces an earlier one with the same tag. */
export function merge(...datasets: readonly Dataset[]): Dataset {
  const byTag = new Map(datasets.flat().map((element) => [element.tag, element]));
  return [...byTag.values()].sort((a, b) => a.tag - b.tag);
}

export const without = (dataset: Dataset, ...tags: readonly number[]): Dataset =>
  dataset.filter(({ tag }) => !tags.includes(tag));

/** A data set in the given order (PS3.5 7). */
export const encode = (dataset: Dataset, encoding: Encoding): Buffer =>
  Buffer.concat(dataset.map((element) => encodeElement(element, encoding)));

export function encodeElement(element: Element, encoding: Encoding): Buffer {
  const { tag, vr } = element;
  if ('items' in element) {
    const open = element.undefinedLength ?? false;
    const items = element.items.map((inner) => {
      const body = encode(inner, encoding);
      return Buffer.concat([
        delimiter(item, open ? undefinedLength : body.length, encoding),
        body,
        ...(open ? [delimiter(itemDelimitation, 0, encoding)] : []),
      ]);
    });
    const body = Buffer.concat([...items, ...(open ? [delimiter(sequenceDelimitation, 0, encoding)] : [])]);
    return Buffer.concat([head(tag, vr, open ? undefinedLength : body.length, encoding), body]);
  }
  if ('fragments' in element)
    return Buffer.concat([
      head(tag, vr, undefinedLength, encoding),
      ...element.fragments.flatMap((fragment) => {
        const even = evened(Buffer.from(fragment), 0);
        return [delimiter(item, even.length, encoding), even];
      }),
      delimiter(sequenceDelimitation, 0, encoding),
    ]);
  const body = evened(valueBytes(element.value, vr, encoding), /^(UI|O.|UN)$/.test(vr) ? 0 : 0x20);
  return Buffer.concat([head(tag, vr, element.length ?? body.length, encoding), body]);
}

/** A tag and a length without a value representation: items and their ends. */
export const delimiter = (tag: number, length: number, { little }: Encoding): Buffer =>
  Buffer.concat([tagBytes(tag, little), number(length, 4, little)]);

/** PS3.5 7.1.2: these VRs have two reserved bytes and a 32-bit length. */
const long = /^(O[BDFLVW]|S[QV]|U[CNRTV])$/;

export function head(tag: number, vr: string, length: number, encoding: Encoding): Buffer {
  if (!encoding.explicit) return delimiter(tag, length, encoding);
  const size = long.test(vr)
    ? [Buffer.alloc(2), number(length, 4, encoding.little)]
    : [number(length & 0xffff, 2, encoding.little)];
  return Buffer.concat([tagBytes(tag, encoding.little), Buffer.from(vr, 'latin1'), ...size]);
}

const tagBytes = (tag: number, little: boolean) =>
  Buffer.concat([number(tag >>> 16, 2, little), number(tag & 0xffff, 2, little)]);

function number(value: number, bytes: 2 | 4, little: boolean): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (little) buffer.writeUIntLE(value, 0, bytes);
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

function valueBytes(value: string | Uint8Array | readonly number[], vr: string, { little }: Encoding): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'latin1');
  if (value instanceof Uint8Array) {
    const bytes = Buffer.from(value);
    return vr === 'OW' && !little ? bytes.swap16() : bytes;
  }
  const size = vr === 'UL' || vr === 'SL' || vr === 'AT' ? 4 : 2;
  return Buffer.concat(
    value.map((entry) =>
      vr === 'AT' ? tagBytes(entry, little) : number(entry < 0 ? entry + 2 ** (8 * size) : entry, size, little),
    ),
  );
}

const evened = (bytes: Buffer, pad: number) =>
  bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.of(pad)]);
