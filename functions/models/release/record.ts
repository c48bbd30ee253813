import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { z } from 'zod';
import { Provenance } from '../../core/catalog.ts';
import { sha256Sync } from '../../platform/digest.ts';
import { CatalogError } from '../catalog-error.ts';
import { Channel, encode, keys, parseObject, Sha256 } from '../manifest.ts';
import type { Objects } from '../store/object-store.ts';

const Compared = z.strictObject({
  finding: z.string(),
  variant: z.string(),
  reference: z.string(),
  served: z.boolean(),
  auroc: z.number(),
  referenceAuroc: z.number(),
  difference: z.number(),
  error: z.number(),
  ci95: z.tuple([z.number(), z.number()]).readonly(),
  margin: z.number(),
  withinMargin: z.boolean(),
});

const Changes = z.record(z.string(), z.enum(['added', 'removed', 'replaced', 'unchanged']));
/** In place of facts about a replaced family that is corrupt: leaving a corrupt family must not depend on it. */
const Unreadable = z.literal('unreadable');

/** The parts of a change. */
const Modifications = z.strictObject({
  files: Changes.or(Unreadable),
  policies: Changes.or(Unreadable),
  findings: z.strictObject({ added: z.array(z.string()), removed: z.array(z.string()) }).or(Unreadable),
  /** The provenance of the models, before and after. */
  provenance: z.strictObject({ from: Provenance.nullable().or(Unreadable), to: Provenance }),
});
export type Modifications = z.infer<typeof Modifications>;

/**
 * How the pointer of a channel was moved, and who is responsible. Its parts are those of a predetermined change
 * control plan (FDA, Marketing Submission Recommendations for a Predetermined Change Control Plan for
 * AI-Enabled Device Software Functions, sections VI to VIII): description of modifications, modification
 * protocol, impact assessment.
 */
export const Record = z.strictObject({
  schema: z.literal('alara.record/1'),
  kind: z.enum(['publish', 'promote', 'rollback']),
  family: z.string(),
  channel: Channel,
  time: z.iso.datetime(),
  by: z.string().min(1),
  reason: z.string().min(1),
  /** The manifests before and after the move. */
  from: Sha256.nullable(),
  to: Sha256,
  /** The previous record of the channel. Its digest is in its name. */
  previousRecord: z.string().nullable(),
  /** Earlier parts of the channel that this record needed and could not read, with the reasons. */
  unreadable: z.array(z.string()).readonly().optional(),
  descriptionOfModifications: Modifications,
  modificationProtocol: z
    .strictObject({
      data: z.string(),
      films: z.int(),
      patients: z.int(),
      protocol: z.string(),
      method: z.string(),
      acceptance: z.string(),
      /** By finding, and where each comes from. */
      margins: z.record(z.string(), z.strictObject({ margin: z.number(), source: z.string() })),
    })
    .nullable(),
  impactAssessment: z.strictObject({
    conclusion: z.string(),
    comparisons: z.array(Compared).readonly(),
  }),
});
export type Record = z.infer<typeof Record>;

const Signature = z.strictObject({ algorithm: z.literal('ed25519'), publicKey: z.base64(), value: z.base64() });

/** A stored record. Its digest is in its name, and it may be signed. */
const Stored = z.strictObject({ record: Record, signature: Signature.optional() });

/** A record that was read, with the result of its verification. */
export type ReadRecord = {
  readonly name: string;
  readonly record: Record;
  /** The public key that signed it, Base64 SPKI. */
  readonly signedBy?: string;
};

/** Store a record under a name with its time and digest, signed if a key is given. */
export async function writeRecord(objects: Objects, record: Record, key?: KeyObject): Promise<string> {
  const bytes = encode(record);
  const name = `${record.time.replaceAll(/[-:]|\.\d+/g, '')}-${sha256Sync(bytes)}`;
  const signature = key && {
    algorithm: 'ed25519' as const,
    publicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64'),
    value: signBytes(null, bytes, key).toString('base64'),
  };
  await objects.create(keys(record.family).record(name), encode({ record, ...(signature && { signature }) }));
  return name;
}

/** Read a record and verify its digest and signature. Throws {@link CatalogError} if one does not match. */
export async function readRecord(objects: Objects, family: string, name: string): Promise<ReadRecord> {
  const key = keys(family).record(name);
  const found = await objects.read(key);
  if (!found || found === 'unchanged') throw new CatalogError(`${objects.url} holds no ${key}.`);
  const { record, signature } = parseObject(Stored, found.bytes, `${objects.url}/${key}`);
  const bytes = encode(record);
  if (!name.endsWith(`-${sha256Sync(bytes)}`))
    throw new CatalogError(`${objects.url}/${key} was changed: its digest is not the one in its name.`);
  if (!signature) return { name, record };
  const publicKey = createPublicKey({ key: Buffer.from(signature.publicKey, 'base64'), format: 'der', type: 'spki' });
  if (
    publicKey.asymmetricKeyType !== 'ed25519' ||
    !verifyBytes(null, bytes, publicKey, Buffer.from(signature.value, 'base64'))
  )
    throw new CatalogError(`${objects.url}/${key}: its signature does not match.`);
  return { name, record, signedBy: signature.publicKey };
}

/** The records of a channel, newest first, with every link verified. Throws if a link is broken. */
export async function* recordsBack(objects: Objects, family: string, last: string): AsyncGenerator<ReadRecord> {
  for (let name: string | null = last; name !== null; ) {
    const read: ReadRecord = await readRecord(objects, family, name);
    yield read;
    name = read.record.previousRecord;
  }
}

/** All of them. */
export const chainOf = (objects: Objects, family: string, last: string): Promise<ReadRecord[]> =>
  Array.fromAsync(recordsBack(objects, family, last));

/** An Ed25519 private key in PEM. Throws {@link CatalogError}. */
export function signingKey(pem: string | Buffer): KeyObject {
  const wrong = new CatalogError('the key is not an Ed25519 private key in PEM: openssl genpkey -algorithm ed25519');
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    throw wrong;
  }
  throw wrong;
}
