import { type Attributes, attributesOf } from './attributes.ts';
import type { Element } from './data-set.ts';
import { HeadReader, tagKey, tagName, undefinedLength } from './element-head.ts';
import { truncated, unusable, type Warn } from './header-error.ts';

/** The file meta information (PS3.10, 7.1), and where the data set begins. */
export type MetaGroup = {
  readonly attributes: Attributes;
  readonly isFound: boolean;
  readonly end: number;
};

/**
 * Read the meta group at an offset. It is in Explicit VR Little Endian, whatever follows; a group in another encoding is
 * read with a warning. It ends at the first element that is of another group, or whose tag does not ascend.
 */
export function readMetaGroup(bytes: Uint8Array, start: number, warn: Warn): MetaGroup {
  const reader = new HeadReader(bytes);
  const little = !(bytes[start] === 0x00 && bytes[start + 1] === 0x02);
  const isMeta = (tag: number | undefined): tag is number => tag !== undefined && Math.floor(tag / 65_536) === 2;
  const explicit = reader.standardForm(start, { little, explicit: true }) !== undefined;
  const elements: Record<string, Element> = {};
  let declaredEnd: number | undefined;
  let at = start;
  let last = 0;
  for (let tag = reader.tagAt(at, little); isMeta(tag) && tag > last; tag = reader.tagAt(at, little)) {
    if (at + 8 > bytes.length) throw truncated('the file ends within its meta group');
    const form = reader.standardForm(at, { little, explicit });
    if (!form && !(declaredEnd !== undefined && at < declaredEnd)) break;
    if (!form) throw unusable(`the file meta element ${tagName(tag)} has no value representation`);
    const head = reader.headIn(form, at, little);
    if (!head) break;
    const end = head.value + head.length;
    if (head.length === undefinedLength || end > bytes.length) {
      // In the data set of a mislabelled file, what looks like a meta element may be its first one.
      if (at === start) break;
      throw truncated('the file ends within its meta group');
    }
    elements[tagKey(tag)] = head;
    if (tag === 0x0002_0000 && head.length === 4) declaredEnd = end + reader.uint32(head.value, little);
    last = tag;
    at = end;
  }
  if (at > start && !(little && explicit))
    warn({
      code: 'meta_group_malformed',
      message: `The file meta information is in ${explicit ? 'Explicit' : 'Implicit'} VR ${little ? 'Little' : 'Big'} Endian instead of Explicit VR Little Endian; it was read as it is.`,
      attribute: '(0002,0000)',
    });
  else if (declaredEnd !== undefined && declaredEnd !== at)
    warn({
      code: 'meta_group_malformed',
      message: 'The length of the file meta information (0002,0000) is wrong; the group was read to its last element.',
      attribute: '(0002,0000)',
      found: String(declaredEnd - start - 12),
    });
  return { attributes: attributesOf({ bytes, little, elements }), isFound: at > start, end: at };
}
