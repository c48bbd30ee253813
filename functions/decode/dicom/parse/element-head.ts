import { decodedTags, type Tag, tags } from '../../../core/dicom-dictionary.ts';

/** Byte order and VR encoding of the elements of a data set (PS3.5, 7.1 and 7.3). */
export type VrEncoding = { readonly isLittleEndian: boolean; readonly isExplicit: boolean };

/** The tag, value representation and length of an element, parsed in one of the `forms`. */
export type Head = {
  readonly tag: number;
  readonly vr: string | undefined;
  /** Offset of the value. */
  readonly value: number;
  /** Length of the value in bytes; `undefinedLength` if a delimiter ends the value. */
  readonly length: number;
};

export const undefinedLength = 0xffff_ffff;
export const itemTag = 0xfffe_e000;
export const itemDelimiterTag = 0xfffe_e00d;
export const sequenceDelimiterTag = 0xfffe_e0dd;
export const isDelimiter = (tag: number): boolean =>
  tag === itemTag || tag === itemDelimiterTag || tag === sequenceDelimiterTag;

const wordSize = 2;
/**
 * Value representations with a 2-byte length (`shortVrs`), and those with two reserved bytes and a 4-byte length (`longVrs`):
 * PS3.5, 7.1.2.
 */
const shortVrs = new Set('AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US'.split(' '));
const longVrs = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));
/**
 * Value representations that may have an undefined length. Some files give UT and other representations an undefined length,
 * but no delimiter ends them.
 */
export const vrsWithUndefinedLength = new Set<string | undefined>([undefined, 'SQ', 'UN', 'OB', 'OW']);

/**
 * Forms of an element's head. `implicit`: no value representation. `short`: value representation and 2-byte length. `long`: value
 * representation and 4-byte length.
 */
export const forms = ['implicit', 'short', 'long'] as const;
export type Form = (typeof forms)[number];

/** Reads the heads of elements from the bytes of a file. */
export class HeadReader {
  readonly bytes: Uint8Array;
  private readonly view: DataView;
  private lastPixelData: number | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint16 = (at: number, isLittleEndian: boolean): number => this.view.getUint16(at, isLittleEndian);
  uint32 = (at: number, isLittleEndian: boolean): number => this.view.getUint32(at, isLittleEndian);

  /** The tag at an offset; undefined if the file ends within the tag. */
  tagAt(at: number, isLittleEndian: boolean): number | undefined {
    if (at + 4 > this.bytes.length) return undefined;
    return this.uint16(at, isLittleEndian) * 65_536 + this.uint16(at + wordSize, isLittleEndian);
  }

  /** The head at an offset, parsed in a form; undefined if the file ends before the value. */
  headIn(form: Form, at: number, isLittleEndian: boolean): Head | undefined {
    const value = at + (form === 'long' ? 12 : 8);
    const tag = value > this.bytes.length ? undefined : this.tagAt(at, isLittleEndian);
    if (tag === undefined) return undefined;
    if (form === 'implicit') return { tag, vr: undefined, value, length: this.uint32(at + 4, isLittleEndian) };
    const length = form === 'long' ? this.uint32(at + 8, isLittleEndian) : this.uint16(at + 6, isLittleEndian);
    return { tag, vr: this.vrAt(at + 4), value, length };
  }

  /** The form that the standard gives to the element at an offset; undefined if it has no known value representation. */
  standardForm(at: number, { isExplicit }: VrEncoding): Form | undefined {
    if (!isExplicit) return 'implicit';
    const vr = this.vrAt(at + 4) ?? '';
    if (shortVrs.has(vr)) return 'short';
    return longVrs.has(vr) ? 'long' : undefined;
  }

  /**
   * Whether an element at an offset may have a form that the standard does not allow. Some writers put a question mark, a
   * space, a zero byte or an unknown word in the place of the value representation. Other bytes are not a value
   * representation.
   */
  mayHaveForm(form: Form, at: number): boolean {
    if (form === 'implicit') return true;
    const isCharacter = (byte = 0x80) => byte === 0 || byte === 0xff || (byte >= 0x20 && byte < 0x7f);
    const isVr = isCharacter(this.bytes[at + 4]) && isCharacter(this.bytes[at + 5]);
    const reserved = (this.bytes[at + 6] ?? 0) + (this.bytes[at + 7] ?? 0);
    return isVr && (form === 'short' || reserved === 0);
  }

  private vrAt(at: number): string | undefined {
    const vr = String.fromCharCode(this.bytes[at] ?? 0, this.bytes[at + 1] ?? 0);
    return shortVrs.has(vr) || longVrs.has(vr) ? vr : undefined;
  }

  /** Whether a probable head of Pixel Data comes after an offset. If so, the file is not truncated at the offset. */
  pixelDataAfter = (at: number): boolean => this.pixelDataAt() > at;

  /** The offset of the last probable head of Pixel Data; -1 if there is none. */
  pixelDataAt(): number {
    if (this.lastPixelData === undefined) {
      const file = Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
      const last = (text: string) => file.lastIndexOf(Buffer.from(text, 'latin1'));
      const explicit = ['OB', 'OW'].flatMap((vr) => [last(`\xe0\x7f\x10\x00${vr}`), last(`\x7f\xe0\x00\x10${vr}`)]);
      const best = Math.max(...explicit);
      this.lastPixelData = best >= 0 ? best : last('\xe0\x7f\x10\x00');
    }
    return this.lastPixelData;
  }
}

/** The key of a tag in a data set, for example `00100010`. */
export const tagKey = (tag: number): string => tag.toString(16).padStart(8, '0').toUpperCase();

/** A tag as the standard writes it, for example `(0010,0010)`. */
export const tagName = (tag: number): string => {
  const hex = tagKey(tag);
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
};

const number = (tag: Tag) => Number.parseInt(tag, 16);
export const pixelDataTag: number = number(tags.pixelData);
const known = new Set<number>(Object.values(decodedTags).map(number));
/** Whether the decoder reads this attribute. */
export const isDecodedTag = (tag: number): boolean => known.has(tag);
const sequences = new Set(
  [tags.modalityLutSequence, tags.voiLutSequence, tags.viewCodeSequence, tags.anatomicRegionSequence].map(number),
);
/** Whether the decoder reads this sequence. */
export const isDecodedSequence = (tag: number): boolean => sequences.has(tag);
/** PS3.5, 7.8.1: private attributes have an odd group number. */
export const isPrivate = (tag: number): boolean => Math.floor(tag / 65_536) % 2 === 1;
