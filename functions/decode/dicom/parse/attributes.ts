import { type Tag, tags } from '../../../core/dicom-dictionary.ts';
import { decodeText } from './charset.ts';
import type { ElementSet } from './data-set.ts';
import { type Comma, commaIn, type Decimal, decimalIn } from './decimal.ts';

/** The attributes of a data set or an item, each read when it is asked for; absent and empty ones are undefined. */
export type Attributes = {
  /** The value as it is stored; undefined also where it reaches beyond the file. */
  bytes(tag: Tag): Uint8Array | undefined;
  /** The value representation, where the file writes it out. */
  vr(tag: Tag): string | undefined;
  /** Text in Unicode, without the padding around it. */
  text(tag: Tag): string | undefined;
  /** Values of an attribute that is ASCII by its value representation: codes, UIDs, numbers, dates. */
  codes(tag: Tag): readonly string[];
  code(tag: Tag): string | undefined;
  /** A defined term, in capitals as PS3.5, 6.2 has code strings: some writers use small letters. */
  term(tag: Tag): string | undefined;
  /** Values of a decimal or integer string, or of binary numbers where the file has those instead. */
  decimals(tag: Tag): readonly Decimal[];
  /** The same without how they are written: undefined where one is left blank, NaN where it is not a number. */
  numbers(tag: Tag): readonly (number | undefined)[];
  uint16(tag: Tag, index?: number): number | undefined;
  int16(tag: Tag, index?: number): number | undefined;
  /** The first words of an attribute of 16-bit words, as many as there are of them. */
  words(tag: Tag, count: number): Uint16Array;
  items(tag: Tag): readonly Attributes[];
};

/** Longer than any text that is looked at may be (PS3.5, 6.2: a person name has at most 3 × 64 characters). */
const longestText = 1024;
/** Decimal strings of a film: one writer has written all of them, so that a comma means the same in each. */
const decimalStrings = [
  ...[tags.imagerPixelSpacing, tags.nominalScannedPixelSpacing, tags.pixelSpacing],
  ...[tags.windowCenter, tags.windowWidth, tags.rescaleSlope, tags.rescaleIntercept],
];

type ReadNumber = (view: DataView, at: number, little: boolean) => number;
/** Binary value representations (PS3.5, 6.2), which some files have where a decimal string belongs. */
const binaryNumbers: Readonly<Record<string, readonly [size: number, read: ReadNumber]>> = {
  US: [2, (view, at, little) => view.getUint16(at, little)],
  SS: [2, (view, at, little) => view.getInt16(at, little)],
  UL: [4, (view, at, little) => view.getUint32(at, little)],
  SL: [4, (view, at, little) => view.getInt32(at, little)],
  FL: [4, (view, at, little) => view.getFloat32(at, little)],
  FD: [8, (view, at, little) => view.getFloat64(at, little)],
};
const maxBinary = 16;

/** The attributes of parsed elements; an item without a character set of its own has that of what it lies in. */
export function attributesOf(
  { bytes: file, little, elements }: ElementSet,
  inherited: readonly string[] = [],
): Attributes {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const bytes = (tag: Tag) => {
    const { value = 0, length = 0 } = elements[tag] ?? {};
    const end = value + length;
    return length > 0 && end <= file.length ? file.subarray(value, end) : undefined;
  };
  const codes = (tag: Tag) => {
    const value = bytes(tag)?.subarray(0, longestText);
    return value
      ? String.fromCharCode(...value)
          .split('\\')
          .map(trim)
      : [];
  };
  const uint16 = (tag: Tag, index = 0) => {
    // A number written out where two bytes belong: as bytes, "2048" would be 12338.
    if (/^(DS|IS)$/.test(elements[tag]?.vr ?? '')) {
      const number = codes(tag).map((text) => decimalIn(text).value)[index];
      return number !== undefined && Number.isInteger(number) && number >= 0 && number < 65_536 ? number : undefined;
    }
    const { value = 0 } = elements[tag] ?? {};
    return (bytes(tag)?.length ?? 0) >= 2 * (index + 1) ? view.getUint16(value + 2 * index, little) : undefined;
  };
  let commas: readonly Comma[] | undefined;
  const decimals = (tag: Tag): readonly Decimal[] => {
    const binary = binaryNumbers[elements[tag]?.vr ?? ''];
    if (binary) {
      const [size, read] = binary;
      const { value = 0, length = 0 } = elements[tag] ?? {};
      const count = bytes(tag) ? Math.min(Math.floor(length / size), maxBinary) : 0;
      return Array.from({ length: count }, (_, i) => ({
        value: read(view, value + i * size, little),
        isLenient: true,
      }));
    }
    if (!commas) commas = decimalStrings.flatMap(codes).flatMap((text) => commaIn(text) ?? []);
    const comma = commas.includes('dots') ? 'dots' : commas[0];
    return codes(tag).map((text) => decimalIn(text, comma));
  };
  const own = codes(tags.specificCharacterSet);
  const charset = own.length > 0 ? own : inherited;
  return {
    bytes,
    codes,
    uint16,
    vr: (tag) => elements[tag]?.vr,
    text(tag) {
      const value = bytes(tag)?.subarray(0, longestText);
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
      return Uint16Array.from({ length }, (_, i) => view.getUint16(value + 2 * i, little));
    },
    items: (tag) => (elements[tag]?.items ?? []).map((item) => attributesOf(item, charset)),
  };
}

/** PS3.5, 6.2: values are padded with a space or, for UIDs, with a zero byte. */
const trim = (text: string) => text.replace(/^[\s\0]+|[\s\0]+$/g, '');
