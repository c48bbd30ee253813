import { isUidText } from '../../../core/uid.ts';
import { type Attributes, attributesOf } from './attributes.ts';
import type { Element } from './data-set.ts';
import { HeadReader, tagKey, tagName, undefinedLength } from './element-head.ts';
import { truncated, unusable, type Warn } from './header-error.ts';

/** The file meta information (PS3.10, 7.1). */
export type MetaGroup = {
  readonly attributes: Attributes;
  /** Whether the file has a meta group. */
  readonly isFound: boolean;
  /** Offset of the data set. */
  readonly end: number;
};

/**
 * Read the meta group at an offset. The group must be in Explicit VR Little Endian, in every transfer syntax. A group in another
 * encoding is read with a warning. The group ends before the first element of another group and before the first descending
 * tag.
 */
export function readMetaGroup(bytes: Uint8Array, start: number, warn: Warn): MetaGroup {
  const reader = new HeadReader(bytes);
  const isLittleEndian = !(bytes[start] === 0x00 && bytes[start + 1] === 0x02);
  const isMeta = (tag: number | undefined): tag is number => tag !== undefined && Math.floor(tag / 65_536) === 2;
  const isExplicit = reader.standardForm(start, { isLittleEndian, isExplicit: true }) !== undefined;
  const elements: Record<string, Element> = {};
  let declaredEnd: number | undefined;
  let at = start;
  let last = 0;
  for (let tag = reader.tagAt(at, isLittleEndian); isMeta(tag) && tag > last; tag = reader.tagAt(at, isLittleEndian)) {
    if (at + 8 > bytes.length) throw truncated('the file ends within its meta group');
    const form = reader.standardForm(at, { isLittleEndian, isExplicit });
    if (!form && !(declaredEnd !== undefined && at < declaredEnd)) break;
    if (!form) throw unusable(`the file meta element ${tagName(tag)} has no value representation`);
    const head = reader.headIn(form, at, isLittleEndian);
    if (!head) break;
    const end = head.value + head.length;
    if (head.length === undefinedLength || end > bytes.length) {
      // The file may have no meta group, and the first element of its data set only looks like a meta element.
      if (at === start) break;
      throw truncated('the file ends within its meta group');
    }
    elements[tagKey(tag)] = head;
    if (tag === 0x0002_0000 && head.length === 4) declaredEnd = end + reader.uint32(head.value, isLittleEndian);
    last = tag;
    at = end;
  }
  if (at > start && !(isLittleEndian && isExplicit))
    warn({
      code: 'meta_group_malformed',
      message: `The file meta information is in ${isExplicit ? 'Explicit' : 'Implicit'} VR ${isLittleEndian ? 'Little' : 'Big'} Endian instead of Explicit VR Little Endian. It was read in that encoding.`,
      attribute: '(0002,0000)',
    });
  else if (declaredEnd !== undefined && declaredEnd !== at)
    warn({
      code: 'meta_group_malformed',
      message: 'File Meta Information Group Length (0002,0000) is wrong. The group was read to its last element.',
      attribute: '(0002,0000)',
      found: String(declaredEnd - start - 12),
    });
  return { attributes: attributesOf({ bytes, isLittleEndian, elements }), isFound: at > start, end: at };
}

/** SOP class and SOP instance of a DICOM file, by its file meta information. */
export type FileMeta = { readonly sopClassUid: string; readonly sopInstanceUid: string };

const maxElements = 64;
/** The maximum length of a UID (PS3.5 9.1), and one byte of padding. */
const maxUidBytes = 65;

/**
 * Read Media Storage SOP Class UID and Media Storage SOP Instance UID, so that a response can name a refused object. Undefined
 * if one of the two UIDs is absent. {@link readMetaGroup} refuses a malformed group. This function also reads a truncated
 * group, and a group with some elements in Implicit VR.
 */
export function fileMeta(bytes: Uint8Array): FileMeta | undefined {
  const ascii = (at: number, length: number) => Buffer.from(bytes.subarray(at, at + length)).toString('latin1');
  if (ascii(128, 4) !== 'DICM') return undefined;
  const reader = new HeadReader(bytes);
  const uids = new Map<number, string>();
  for (let at = 132, count = 0; at + 12 <= bytes.length && count < maxElements; count++) {
    const unknownForm = /^[A-Z]{2}$/.test(ascii(at + 4, 2)) ? 'short' : 'implicit';
    const head = reader.headIn(
      reader.standardForm(at, { isLittleEndian: true, isExplicit: true }) ?? unknownForm,
      at,
      true,
    );
    if (!head || Math.floor(head.tag / 65_536) !== 2 || head.value + head.length > bytes.length) break;
    // PS3.5 9.1: one NUL pads a UID to an even length. Some writers pad with a space.
    if (head.length <= maxUidBytes) uids.set(head.tag, ascii(head.value, head.length).replace(/[\0 ]+$/, ''));
    at = head.value + head.length;
  }
  const [sopClassUid, sopInstanceUid] = [uids.get(0x0002_0002), uids.get(0x0002_0003)];
  return isUidText(sopClassUid) && isUidText(sopInstanceUid) ? { sopClassUid, sopInstanceUid } : undefined;
}
