import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Tag } from '../../core/dicom-dictionary.ts';

/** Whether a key is a tag of the DICOM JSON model: eight hexadecimal digits. Some servers use lower-case digits. */
const isTag = (key: string) => /^[0-9a-f]{8}$/i.test(key);
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Convert the attribute of a server to the form of PS3.18 F.2.2. Some servers send a single value without its list, or without the
 * object around it. A malformed attribute becomes an attribute without a value, so it does not make the whole answer invalid.
 */
function normalizedAttribute(sent: unknown): Record<string, unknown> {
  if (!isObject(sent)) return sent === null || Array.isArray(sent) ? {} : { Value: [sent] };
  const { Value, ...rest } = sent;
  if (Value === undefined || Array.isArray(Value)) return sent;
  return Value === null ? rest : { ...rest, Value: [Value] };
}

/** One match or one data set in the DICOM JSON model (PS3.18 F.2): attributes by tag. */
const Attribute = z.preprocess(normalizedAttribute, z.looseObject({ Value: z.array(z.unknown()).optional() }));
const Attributes = z.record(z.string().toUpperCase(), Attribute);

/** A list of matches. Some servers send a single match without its list, or null in place of a match. */
export const AttributesList = z.preprocess((sent) => {
  if (isObject(sent)) return Object.keys(sent).some(isTag) ? [sent] : sent;
  return Array.isArray(sent) ? sent.filter((one) => one !== null) : sent;
}, z.array(Attributes));
export type Attributes = z.infer<typeof AttributesList>[number];

/** A digest of the values of some attributes of an object. It shows whether the object was replaced by one with other values. */
export function attributesDigest(attributes: Attributes, tags: readonly Tag[]): string {
  const values = tags.map((tag) => attributes[tag]?.Value ?? []);
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}

/** The first value as text. Undefined if the attribute is absent or empty. */
export function text(attributes: Attributes, tag: Tag): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  // Values may be padded, and UIDs are padded with NUL (PS3.5 6.2).
  return typeof value === 'string' || typeof value === 'number' ? String(value).replace(/\0+$/, '').trim() : undefined;
}
