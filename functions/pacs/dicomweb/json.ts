import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Tag } from '../../core/dicom-dictionary.ts';

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

/** A digest of some attributes of an object: an object that was stored anew with other values of these has another one. */
export function attributesDigest(attributes: Attributes, of: readonly Tag[]): string {
  const values = of.map((tag) => attributes[tag]?.Value ?? []);
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}

/** The first value as text; undefined where the attribute is absent or empty. */
export function text(attributes: Attributes, tag: Tag): string | undefined {
  const value = attributes[tag]?.Value?.[0];
  // PS3.5 6.2: values may be padded, UIDs by a NUL.
  return typeof value === 'string' || typeof value === 'number' ? String(value).replace(/\0+$/, '').trim() : undefined;
}
