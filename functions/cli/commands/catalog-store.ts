import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { inPlainWords } from '../../core/plain-words.ts';
import { type Channel, channels } from '../../models/manifest.ts';
import type { SignOff } from '../../models/release/move-pointer.ts';
import { signingKey } from '../../models/release/record.ts';
import type { Objects } from '../../models/store/object-store.ts';
import { isStore, openObjects } from '../../models/store/open-store.ts';
import { readConfig } from '../../platform/config.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { UsageError } from '../errors.ts';

/** The options of every command on a store. */
export type StoreOptions = { store?: string; family?: string };
export type SignOffOptions = { by?: string; reason: string; sign?: string };

export const storeOptions = (command: Command): Command =>
  command
    .option('--store <url>', 's3://bucket/prefix or a folder; ALARA_MODELS if that names a store')
    .option('--family <name>', 'the family; default: ALARA_FAMILY');

export const signOffOptions = (command: Command): Command =>
  command
    .requiredOption('--by <name>', 'the person who is responsible for the change', said)
    .requiredOption('--reason <text>', 'the reason, for the record', said)
    .option('--sign <key.pem>', 'sign the record with an Ed25519 private key');

export const channelOption = (flags: string, description: string, by?: Channel) => {
  const option = new Option(flags, description).choices([...channels]);
  return by === undefined ? option.makeOptionMandatory() : option.default(by);
};

/** Run work on the named store. A store that does not answer ends the command with its error. */
export async function withStore<Value>(
  { store, family }: StoreOptions,
  work: (objects: Objects, family: string) => Promise<Value>,
): Promise<Value> {
  const config = readConfig(process.env);
  const url = store ?? (isStore(config.models) ? config.models : undefined);
  if (url === undefined)
    throw new UsageError('name the store: --store s3://bucket/prefix, or in ALARA_MODELS; a folder works too.');
  try {
    return await work(await openObjects(url), family ?? config.family);
  } catch (error) {
    if (error instanceof StoreUnavailable) throw new UsageError(error.message);
    throw error;
  }
}

/** The person who signs off, and the key. */
export function signOffOf({ by, reason, sign }: SignOffOptions): SignOff {
  return { by: by ?? userInfo().username, reason, key: sign === undefined ? undefined : signingKey(keyFile(sign)) };
}

function keyFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${inPlainWords(error)}.`);
  }
}

function said(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Expected a text.');
  return text.trim();
}
