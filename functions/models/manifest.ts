import { z } from 'zod';
import { maxModelBytes } from '../core/catalog.ts';
import { canonical } from '../core/digest.ts';
import { CatalogError } from './catalog-error.ts';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** A path below the family's folder; nothing that could lead out of it. */
const FileName = z
  .string()
  .regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/, 'expected a path of letters, digits, dots and dashes');
const Files = z.record(FileName, z.strictObject({ sha256: Sha256, bytes: z.int().nonnegative().max(maxModelBytes) }));

/** Everything that a published family consists of, by digest. Its own digest is its name. */
export const Manifest = z.strictObject({
  family: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** By path in the family's folder. */
  files: Files,
  /** The policies that it shares with other families, by path in `policies/`. */
  policies: Files,
});
export type Manifest = z.infer<typeof Manifest>;
export type FileEntry = Manifest['files'][string];

export const channels = ['canary', 'live'] as const;
export const Channel = z.enum(channels);
export type Channel = z.infer<typeof Channel>;

/** What a channel points to. */
export const Pointer = z.strictObject({
  manifest: Sha256,
  since: z.iso.datetime(),
  /** The record of how it came there. */
  record: z.string(),
  /** What a rollback goes back to. */
  previous: Sha256.optional(),
});
export type Pointer = z.infer<typeof Pointer>;

/** Where things are, under the prefix of a store. */
export const keys = (family: string) => ({
  object: (sha256: string) => `${family}/objects/sha256/${sha256}`,
  manifest: (digest: string) => `${family}/manifests/${digest}.json`,
  pointer: (channel: Channel) => `${family}/channels/${channel}.json`,
  record: (name: string) => `${family}/records/${name}.json`,
});

/** Files that are fetched only when a model is needed. */
export const isModel = (name: string) => name.endsWith('.onnx');

export const encode = (value: unknown) => new TextEncoder().encode(canonical(value));

/** Parse a small JSON object of a store. Throws {@link CatalogError}. */
export function parseObject<Value>(schema: z.ZodType<Value>, bytes: Uint8Array, name: string): Value {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (error) {
    throw new CatalogError(
      `${name} is not what it should be: ${error instanceof z.ZodError ? z.prettifyError(error) : error}`,
    );
  }
}
