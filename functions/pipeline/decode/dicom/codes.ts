import type { Attributes } from './attributes.ts';
import { type Tag, tags } from './tags.ts';

/** The codes of a code sequence (PS3.3, 8), as `scheme value`. */
export const codesIn = (attributes: Attributes, sequence: Tag): readonly string[] =>
  attributes.items(sequence).flatMap((item) => {
    const value = item.code(tags.codeValue);
    return value === undefined ? [] : [`${item.code(tags.codingSchemeDesignator) ?? ''} ${value}`];
  });
