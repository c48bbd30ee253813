import { decodeText } from './charset.ts';
import type { ElementSet } from './data-set.ts';
import { type Tag, tags } from './tags.ts';

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
  /** Values of a decimal or integer string: undefined where one is left blank, NaN where it is not a number. */
  numbers(tag: Tag): readonly (number | undefined)[];
  uint16(tag: Tag, index?: number): number | undefined;
  int16(tag: Tag, index?: number): number | undefined;
  /** The first words of an attribute of 16-bit words, as many as there are of them. */
  words(tag: Tag, count: number): Uint16Array;
  items(tag: Tag): readonly Attributes[];
};

/** Longer than any text that is looked at may be (PS3.5, 6.2: a person name has at most 3 × 64 characters). */
const longestText = 1024;
/** PS3.5, 6.2: DS and IS. */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

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
    const { value = 0 } = elements[tag] ?? {};
    return (bytes(tag)?.length ?? 0) >= 2 * (index + 1) ? view.getUint16(value + 2 * index, little) : undefined;
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
    numbers: (tag) => codes(tag).map(numberIn),
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

function numberIn(text: string): number | undefined {
  if (text === '') return undefined;
  const value = decimal.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : Number.NaN;
}

/** PS3.5, 6.2: values are padded with a space or, for UIDs, with a zero byte. */
const trim = (text: string) => text.replace(/^[\s\0]+|[\s\0]+$/g, '');
