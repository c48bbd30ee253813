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
/** Stands for what rests on the family that was left, where that family is spoilt: nobody must wait for it to leave it. */
const Unreadable = z.literal('unreadable');

/** What a change consists of. */
const Modifications = z.strictObject({
  files: Changes.or(Unreadable),
  policies: Changes.or(Unreadable),
  findings: z.strictObject({ added: z.array(z.string()), removed: z.array(z.string()) }).or(Unreadable),
  /** Where the models come from, before and after. */
  provenance: z.strictObject({ from: Provenance.nullable().or(Unreadable), to: Provenance }),
});
export type Modifications = z.infer<typeof Modifications>;

/**
 * How a channel came to point where it does, and who answers for it. Its parts are those of a predetermined change
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
  /** Manifests: what the channel pointed to, and what it points to now. */
  from: Sha256.nullable(),
  to: Sha256,
  /** The record before this one on the channel, whose digest is in its name. */
  previousRecord: z.string().nullable(),
  /** What of the channel's past was needed for this record and could not be read, and why. */
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

/** A record as it is stored: its digest is in its name, and a key may stand for who signed it off. */
const Stored = z.strictObject({ record: Record, signature: Signature.optional() });

/** What is true of a record that was read. */
export type ReadRecord = {
  readonly name: string;
  readonly record: Record;
  /** The public key that signed it, Base64 SPKI. */
  readonly signedBy?: string;
};

/** Store a record, signed where a key is given, under a name that holds its time and its digest. */
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

/** Read a record and verify what vouches for it. Throws {@link CatalogError} when it does not. */
export async function readRecord(objects: Objects, family: string, name: string): Promise<ReadRecord> {
  const key = keys(family).record(name);
  const found = await objects.read(key);
  if (!found || found === 'unchanged') throw new CatalogError(`${objects.url} holds no ${key}.`);
  const { record, signature } = parseObject(Stored, found.bytes, `${objects.url}/${key}`);
  const bytes = encode(record);
  if (!name.endsWith(`-${sha256Sync(bytes)}`))
    throw new CatalogError(`${objects.url}/${key} was changed: it does not have the digest in its name.`);
  if (!signature) return { name, record };
  const publicKey = createPublicKey({ key: Buffer.from(signature.publicKey, 'base64'), format: 'der', type: 'spki' });
  if (
    publicKey.asymmetricKeyType !== 'ed25519' ||
    !verifyBytes(null, bytes, publicKey, Buffer.from(signature.value, 'base64'))
  )
    throw new CatalogError(`${objects.url}/${key}: its signature does not fit it.`);
  return { name, record, signedBy: signature.publicKey };
}

/** The records of a channel, the last one first, back to the first: every link verified. Throws where one is broken. */
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
