import { type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Attributes } from './parse/attributes.ts';

/** A code of SNOMED, in whichever of its notations. */
export type Code = { readonly scheme: string; readonly value: string };

/**
 * How files call SNOMED CT and the SNOMED RT of before (PS3.16, 8.1): the values of one are never those of another, so
 * what the scheme is called makes no difference.
 */
const snomed = ['SCT', 'SRT', 'SNM3', '99SDM', 'SNOMED', '2.16.840.1.113883.6.96'];

/** The SNOMED codes of a code sequence (PS3.3, 8). What another scheme means, nobody here knows. */
export const codesIn = (attributes: Attributes, sequence: Tag): readonly Code[] =>
  attributes.items(sequence).flatMap((item) => {
    const [value, scheme] = [item.code(tags.codeValue), item.code(tags.codingSchemeDesignator)];
    return value !== undefined && scheme !== undefined && snomed.includes(scheme) ? [{ scheme, value }] : [];
  });
