import { createHash } from 'node:crypto';
import { z } from 'zod';

/** One match, or one object, in the DICOM JSON model (PS3.18 F.2): attributes by tag. */
const Attribute = z.looseObject({ Value: z.array(z.unknown()).optional() });
export const AttributesList = z.array(z.record(z.string(), Attribute));
export type Attributes = z.infer<typeof AttributesList>[number];

export const tags = {
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  studyDate: '00080020',
  instanceAvailability: '00080056',
  modality: '00080060',
  manufacturer: '00080070',
  studyInstanceUid: '0020000D',
  seriesInstanceUid: '0020000E',
  numberOfStudyRelatedInstances: '00201208',
  bodyPartExamined: '00180015',
  viewPosition: '00185101',
} as const;

/**
 * A digest of all that a PACS lists of an object, but for its address and whether it is at hand. An object that was stored
 * anew with another header has another one.
 */
export function digestOf(attributes: Attributes): string {
  const plain = Object.entries(attributes)
    .filter(([tag, { vr }]) => vr !== 'UR' && tag !== tags.instanceAvailability)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(plain)).digest('base64url');
}

/** The first value as text; undefined where the attribute is absent or empty. */
export function text(attributes: Attributes, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : undefined;
}

/** PS3.5 9.1. What is not one never becomes part of an address. */
export const isUid = (value: string | undefined): value is string =>
  value !== undefined && value.length <= 64 && /^[0-9]+(\.[0-9]+)*$/.test(value);
