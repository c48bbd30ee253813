import { type Tag, tags } from '../../core/dicom-dictionary.ts';
import type { Attributes } from './parse/attributes.ts';

/** A code of SNOMED CT or SNOMED RT. */
export type SnomedCode = { readonly scheme: string; readonly value: string };

/**
 * Designators of SNOMED CT and of the older SNOMED RT (PS3.16, 8.1). The two schemes share no code value, so a comparison of
 * codes can ignore the designator.
 */
const snomedDesignators = ['SCT', 'SRT', 'SNM3', '99SDM', 'SNOMED', '2.16.840.1.113883.6.96'];

/** The SNOMED codes of a code sequence (PS3.3, 8). Codes of other schemes are ignored. */
export const snomedCodes = (attributes: Attributes, sequence: Tag): readonly SnomedCode[] =>
  attributes.items(sequence).flatMap((item) => {
    const [value, scheme] = [item.code(tags.codeValue), item.code(tags.codingSchemeDesignator)];
    return value !== undefined && scheme !== undefined && snomedDesignators.includes(scheme) ? [{ scheme, value }] : [];
  });
