import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Whether a key is a tag of the DICOM JSON model: eight hexadecimal digits, for which some servers use small letters. */
const isTag = (key: string) => /^[0-9a-f]{8}$/i.test(key);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * An attribute as PS3.18 F.2.2 has it, of what a server sends: one value may stand without its list, or without an object
 * around it. Anything else has no value, so that a malformed attribute which nobody needs spoils no answer.
 */
function attributeOf(sent: unknown): Record<string, unknown> {
  if (!isObject(sent)) return sent === null || Array.isArray(sent) ? {} : { Value: [sent] };
  const { Value, ...rest } = sent;
  if (Value === undefined || Array.isArray(Value)) return sent;
  return Value === null ? rest : { ...rest, Value: [Value] };
}

/** One match, or one object, in the DICOM JSON model (PS3.18 F.2): attributes by tag. */
const Attribute = z.preprocess(attributeOf, z.looseObject({ Value: z.array(z.unknown()).optional() }));
const Attributes = z.record(z.string().toUpperCase(), Attribute);

/** A list of matches. Some servers send a single match without its list, or null in place of one. */
export const AttributesList = z.preprocess((sent) => {
  if (isObject(sent)) return Object.keys(sent).some(isTag) ? [sent] : sent;
  return Array.isArray(sent) ? sent.filter((one) => one !== null) : sent;
}, z.array(Attributes));
export type Attributes = z.infer<typeof AttributesList>[number];

export const tags = {
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  instanceCreationDate: '00080012',
  instanceCreationTime: '00080013',
  studyDate: '00080020',
  acquisitionDate: '00080022',
  contentDate: '00080023',
  acquisitionTime: '00080032',
  contentTime: '00080033',
  modality: '00080060',
  manufacturer: '00080070',
  studyInstanceUid: '0020000D',
  seriesInstanceUid: '0020000E',
  numberOfStudyRelatedInstances: '00201208',
  bodyPartExamined: '00180015',
  viewPosition: '00185101',
  patientOrientation: '00200020',
  photometricInterpretation: '00280004',
  rows: '00280010',
  columns: '00280011',
  windowCenter: '00281050',
  windowWidth: '00281051',
} as const;

/** A digest of some attributes of an object: an object that was stored anew with other values of these has another one. */
export function attributesDigest(attributes: Attributes, of: readonly string[]): string {
  const values = of.map((tag) => attributes[tag]?.Value ?? []);
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}

/** The first value as text; undefined where the attribute is absent or empty. */
export function text(attributes: Attributes, tag: string): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  // PS3.5 6.2: values may be padded, UIDs by a NUL.
  return typeof value === 'string' || typeof value === 'number' ? String(value).replace(/\0+$/, '').trim() : undefined;
}

/** PS3.5 9.1. What is not one never becomes part of an address. */
export const isUid = (value: string | undefined): value is string =>
  value !== undefined && value.length <= 64 && /^[0-9]+(\.[0-9]+)*$/.test(value);
