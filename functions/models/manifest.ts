import { z } from 'zod';
import { maxModelBytes } from '../core/catalog.ts';
import { canonical } from '../core/digest.ts';
import { issueInWords, jsonProblem } from '../core/plain-words.ts';
import { CatalogError } from './catalog-error.ts';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

/** A relative path that stays below the folder of the family. */
const FileName = z
  .string()
  .regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/, 'expected a path of letters, digits, dots and dashes');
const Files = z.record(FileName, z.strictObject({ sha256: Sha256, bytes: z.int().nonnegative().max(maxModelBytes) }));

/** The files of a published family, by digest. The digest of the manifest is its name. */
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

/** The pointer of a channel. */
export const Pointer = z.strictObject({
  manifest: Sha256,
  since: z.iso.datetime(),
  /** The record of the move of this pointer. */
  record: z.string(),
  /** The manifest that a rollback returns to. */
  previous: Sha256.optional(),
});
export type Pointer = z.infer<typeof Pointer>;

/** The keys of a store, below its prefix. */
export const keys = (family: string) => ({
  object: (sha256: string) => `${family}/objects/sha256/${sha256}`,
  manifest: (digest: string) => `${family}/manifests/${digest}.json`,
  pointer: (channel: Channel) => `${family}/channels/${channel}.json`,
  record: (name: string) => `${family}/records/${name}.json`,
});

/** Files that are downloaded only when a model is needed. */
export const isModel = (name: string) => name.endsWith('.onnx');

export const encode = (value: unknown) => new TextEncoder().encode(canonical(value));

/** Parse a small JSON object of a store. Throws {@link CatalogError}. */
export function parseObject<Value>(schema: z.ZodType<Value>, bytes: Uint8Array, name: string): Value {
  try {
    return schema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (error) {
    throw new CatalogError(
      error instanceof z.ZodError
        ? error.issues
            .map((issue) => `${name}: ${issue.path.join('.') || 'the file'}: ${issueInWords(issue)}`)
            .join('\n')
        : `${name} ${jsonProblem(error)}.`,
    );
  }
}
