import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { inPlainWords } from '../../core/plain-words.ts';
import { CatalogError } from '../../models/catalog-error.ts';
import { type Channel, channels as names } from '../../models/manifest.ts';
import { type ReadRecord, readRecord, recordsBack } from '../../models/release/record.ts';
import { readPointer } from '../../models/release-reader.ts';
import type { Objects } from '../../models/store/object-store.ts';
import { UsageError } from '../errors.ts';
import { help } from '../help.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { minute, table } from '../output/table.ts';
import { channelOption, type StoreOptions, storeOptions, withStore } from './catalog-store.ts';

/** `alara catalog channels`: the pointer of each channel. */
export function channels(catalog: Command): void {
  const command = catalog
    .command('channels')
    .description('Show the manifest of each channel, its time, and who signed it off.');
  help(withJson(storeOptions(command)), {
    example: 'alara catalog channels --store s3://hospital-models/alara',
  }).action(async ({ json, ...options }: StoreOptions & JsonOption) => {
    const found = await withStore(options, async (objects, family) => {
      const found: ChannelView[] = [];
      for (const channel of names) {
        const standing = await readPointer(objects, family, channel);
        if (!standing) continue;
        const { manifest, since, record, previous } = standing.pointer;
        found.push({ channel, manifest, since, by: await signer(objects, family, record), previous: previous ?? null });
      }
      if (found.length === 0) throw new UsageError(`${objects.url} has no family ${family}.`);
      return found;
    });
    const rows = found.map(({ channel, manifest, since, by, previous }) => [
      channel,
      manifest,
      since,
      by,
      previous ?? '',
    ]);
    show(json, found, () => table(['channel', 'manifest', 'since', 'by', 'before'], rows));
  });
}

type ChannelView = {
  readonly channel: Channel;
  readonly manifest: string;
  readonly since: string;
  readonly by: string;
  readonly previous: string | null;
};

/** The person who signed off a record. A channel is shown even if its record is corrupt. */
const signer = (objects: Objects, family: string, name: string) =>
  readRecord(objects, family, name).then(
    ({ record }) => record.by,
    (error) => {
      if (error instanceof CatalogError) return 'unreadable';
      throw error;
    },
  );

/** `alara catalog records`: the history of a channel, with every link verified. */
export function records(catalog: Command): void {
  const command = catalog
    .command('records')
    .description('Show the history of a channel; digests and signatures are verified.')
    .addOption(channelOption('--channel <channel>', 'the channel', 'live'))
    .option('--trust <key.pem>', 'demand that every record is signed with this Ed25519 public key');
  help(withJson(storeOptions(command), 'print all records as one JSON array, newest first'), {
    example: 'alara catalog records --store s3://hospital-models/alara',
  }).action(
    async ({ channel, trust, json, ...options }: StoreOptions & { channel: Channel; trust?: string; json?: true }) => {
      const key = trust === undefined ? undefined : publicKey(trust);
      const chain: ReadRecord[] = [];
      const broken = await withStore(options, async (objects, family) => {
        const standing = await readPointer(objects, family, channel);
        if (!standing) throw new UsageError(`${objects.url} has no family ${family} on the channel ${channel}.`);
        try {
          for await (const read of recordsBack(objects, family, standing.pointer.record)) chain.push(read);
        } catch (error) {
          if (error instanceof CatalogError) return error;
          throw error;
        }
        return undefined;
      });
      const stranger = key === undefined ? undefined : chain.find(({ signedBy }) => signedBy !== key);
      if (stranger) throw new CatalogError(`the record ${stranger.name} is not signed with ${trust}.`);
      const records = chain.map(({ record }) => record);
      show(json, records, () => inText(chain));
      // Show verified records first: a broken chain stays broken.
      if (broken) throw broken;
    },
  );
}

function publicKey(path: string): string {
  try {
    return createPublicKey(readFileSync(path)).export({ type: 'spki', format: 'der' }).toString('base64');
  } catch (error) {
    const isFileError = error instanceof Error && 'path' in error;
    throw new UsageError(
      isFileError ? `${path} cannot be read: ${inPlainWords(error)}.` : `${path} is not a public key in PEM.`,
    );
  }
}

const inText = (chain: readonly ReadRecord[]) =>
  table(
    ['time', 'what', 'from', 'to', 'by', 'signed', 'reason'],
    chain.map(({ record, signedBy }) => [
      minute(record.time),
      record.kind,
      record.from?.slice(0, 12) ?? '',
      record.to.slice(0, 12),
      record.by,
      signedBy === undefined ? '' : 'ed25519',
      record.reason,
    ]),
  );
