import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import { decodeText } from './charset.ts';
import type { ElementSet } from './data-set.ts';
import { type Comma, commaMeaning, type Decimal, foundNumbers, parseDecimal } from './decimal.ts';
import type { Warn } from './header-error.ts';

/** The attributes of a data set or an item. A value is parsed when it is requested. Absent and empty values are undefined. */
export type Attributes = {
  /** The stored bytes of the value; undefined also if the value extends beyond the end of the file. */
  bytes(tag: Tag): Uint8Array | undefined;
  /** The value representation; undefined in Implicit VR. */
  vr(tag: Tag): string | undefined;
  /** Text in Unicode, without padding. */
  text(tag: Tag): string | undefined;
  /** Values of an attribute whose value representation allows only ASCII: codes, UIDs, numbers, dates. */
  codes(tag: Tag): readonly string[];
  code(tag: Tag): string | undefined;
  /** A defined term in capitals (PS3.5, 6.2). Some writers use small letters. */
  term(tag: Tag): string | undefined;
  /** Values of a decimal or integer string. Some files have binary numbers instead. */
  decimals(tag: Tag): readonly Decimal[];
  /** Only the numbers of `decimals`: undefined for a blank value, NaN for a value that is not a number. */
  numbers(tag: Tag): readonly (number | undefined)[];
  uint16(tag: Tag, index?: number): number | undefined;
  int16(tag: Tag, index?: number): number | undefined;
  /** The first `count` words of an attribute of 16-bit words; fewer if the attribute is shorter. */
  words(tag: Tag, count: number): Uint16Array;
  items(tag: Tag): readonly Attributes[];
};

/** Length limit of a text in bytes. The longest allowed text is a person name of 3 × 64 characters (PS3.5, 6.2). */
const maxTextBytes = 1024;
/** Attributes with decimal strings. One device has written all of them, so a comma has the same meaning in each. */
const decimalStrings = [
  ...[tags.imagerPixelSpacing, tags.nominalScannedPixelSpacing, tags.pixelSpacing],
  ...[tags.windowCenter, tags.windowWidth, tags.rescaleSlope, tags.rescaleIntercept],
];

type ReadNumber = (view: DataView, at: number, isLittleEndian: boolean) => number;
/** Binary value representations (PS3.5, 6.2). Some files use them instead of a decimal string. */
const binaryNumbers: Readonly<Record<string, readonly [size: number, read: ReadNumber]>> = {
  US: [2, (view, at, isLittleEndian) => view.getUint16(at, isLittleEndian)],
  SS: [2, (view, at, isLittleEndian) => view.getInt16(at, isLittleEndian)],
  UL: [4, (view, at, isLittleEndian) => view.getUint32(at, isLittleEndian)],
  SL: [4, (view, at, isLittleEndian) => view.getInt32(at, isLittleEndian)],
  FL: [4, (view, at, isLittleEndian) => view.getFloat32(at, isLittleEndian)],
  FD: [8, (view, at, isLittleEndian) => view.getFloat64(at, isLittleEndian)],
};
const maxBinaryValues = 16;

/** The attributes of parsed elements. An item without a character set uses the one of the data set around the item. */
export function attributesOf(
  { bytes: file, isLittleEndian, elements }: ElementSet,
  inherited: readonly string[] = [],
): Attributes {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const bytes = (tag: Tag) => {
    const { value = 0, length = 0 } = elements[tag] ?? {};
    const end = value + length;
    return length > 0 && end <= file.length ? file.subarray(value, end) : undefined;
  };
  const codes = (tag: Tag) => {
    const value = bytes(tag)?.subarray(0, maxTextBytes);
    return value
      ? String.fromCharCode(...value)
          .split('\\')
          .map(trim)
      : [];
  };
  const uint16 = (tag: Tag, index = 0) => {
    // Some files have a decimal string instead of a 16-bit number. Read as a 16-bit number, "2048" would be 12338.
    if (/^(DS|IS)$/.test(elements[tag]?.vr ?? '')) {
      const number = codes(tag).map((text) => parseDecimal(text).value)[index];
      return number !== undefined && Number.isInteger(number) && number >= 0 && number < 65_536 ? number : undefined;
    }
    const { value = 0 } = elements[tag] ?? {};
    return (bytes(tag)?.length ?? 0) >= 2 * (index + 1) ? view.getUint16(value + 2 * index, isLittleEndian) : undefined;
  };
  let commas: readonly Comma[] | undefined;
  const decimals = (tag: Tag): readonly Decimal[] => {
    const binary = binaryNumbers[elements[tag]?.vr ?? ''];
    if (binary) {
      const [size, read] = binary;
      const { value = 0, length = 0 } = elements[tag] ?? {};
      const count = bytes(tag) ? Math.min(Math.floor(length / size), maxBinaryValues) : 0;
      return Array.from({ length: count }, (_, i) => ({
        value: read(view, value + i * size, isLittleEndian),
        isLenient: true,
      }));
    }
    if (!commas) commas = decimalStrings.flatMap(codes).flatMap((text) => commaMeaning(text) ?? []);
    const comma = commas.includes('dots') ? 'dots' : commas[0];
    return codes(tag).map((text) => parseDecimal(text, comma));
  };
  const ownCharset = codes(tags.specificCharacterSet);
  const charset = ownCharset.length > 0 ? ownCharset : inherited;
  return {
    bytes,
    codes,
    uint16,
    vr: (tag) => elements[tag]?.vr,
    text(tag) {
      const value = bytes(tag)?.subarray(0, maxTextBytes);
      return (value && trim(decodeText(value, charset))) || undefined;
    },
    code: (tag) => codes(tag)[0] || undefined,
    term: (tag) => codes(tag)[0]?.toUpperCase() || undefined,
    decimals,
    numbers: (tag) => decimals(tag).map(({ value }) => value),
    int16(tag, index) {
      const value = uint16(tag, index);
      return value === undefined ? undefined : (value << 16) >> 16;
    },
    words(tag, count) {
      const { value = 0 } = elements[tag] ?? {};
      const length = Math.min(count, (bytes(tag)?.length ?? 0) >> 1);
      return Uint16Array.from({ length }, (_, i) => view.getUint16(value + 2 * i, isLittleEndian));
    },
    items: (tag) => (elements[tag]?.items ?? []).map((item) => attributesOf(item, charset)),
  };
}

/** PS3.5, 6.2: values are padded with a space or, for UIDs, with a zero byte. */
const trim = (text: string) => text.replace(/^[\s\0]+|[\s\0]+$/g, '');

/** The numbers of an attribute. Warns if a number was read although its format breaks the standard. */
export function numbersOf(attributes: Attributes, tag: Tag, name: string, warn: Warn): readonly (number | undefined)[] {
  const values = attributes.decimals(tag);
  const lenient = values.filter(({ value, isLenient }) => isLenient && value !== undefined && !Number.isNaN(value));
  if (lenient.length > 0)
    warn({
      code: 'number_malformed',
      message: `${name} is not a valid decimal string. It was read as ${values.map(({ value }) => value ?? 'blank').join(' and ')}.`,
      attribute: name.slice(-11),
      found: foundNumbers(attributes.codes(tag)),
    });
  return values.map(({ value }) => value);
}
