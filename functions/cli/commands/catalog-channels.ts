import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { messageOf } from '../../core/errors.ts';
import { CatalogError } from '../../models/catalog-error.ts';
import { type Channel, channels as names } from '../../models/manifest.ts';
import { type ReadRecord, readRecord, recordsBack } from '../../models/release/record.ts';
import { readPointer } from '../../models/release-reader.ts';
import type { Objects } from '../../models/store/object-store.ts';
import { UsageError } from '../errors.ts';
import { table } from '../output/table.ts';
import { channelOption, type StoreOptions, storeOptions, withStore } from './catalog-store.ts';

/** `alara catalog channels`: the pointer of each channel. */
export function channels(catalog: Command): void {
  storeOptions(
    catalog.command('channels').description('Show the manifest of each channel, its time, and who signed it off.'),
  )
    .addHelpText('after', '\nExample:\n  alara catalog channels --store s3://hospital-models/alara')
    .action(async (options: StoreOptions) => {
      const rows = await withStore(options, async (objects, family) => {
        const found: string[][] = [];
        for (const channel of names) {
          const standing = await readPointer(objects, family, channel);
          if (!standing) continue;
          const { manifest, since, record, previous } = standing.pointer;
          found.push([channel, manifest, since, await signer(objects, family, record), previous?.slice(0, 12) ?? '']);
        }
        if (found.length === 0) throw new UsageError(`${objects.url} has no family ${family}.`);
        return found;
      });
      process.stdout.write(table(['channel', 'manifest', 'since', 'by', 'before'], rows));
    });
}

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
    .addOption(channelOption('--channel <channel>', 'which', 'live'))
    .option('--trust <key.pem>', 'demand that every record is signed with this Ed25519 public key')
    .option('--json', 'whole records, one per line, newest first');
  storeOptions(command)
    .addHelpText('after', '\nExample:\n  alara catalog records --store s3://hospital-models/alara --json | jq .reason')
    .action(
      async ({
        channel,
        trust,
        json,
        ...options
      }: StoreOptions & { channel: Channel; trust?: string; json?: true }) => {
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
        process.stdout.write(json ? chain.map(({ record }) => `${JSON.stringify(record)}\n`).join('') : inText(chain));
        // Show verified records first: a broken chain stays broken.
        if (broken) throw broken;
      },
    );
}

function publicKey(path: string): string {
  try {
    return createPublicKey(readFileSync(path)).export({ type: 'spki', format: 'der' }).toString('base64');
  } catch (error) {
    throw new UsageError(`${path} is not a public key in PEM: ${messageOf(error)}`);
  }
}

const inText = (chain: readonly ReadRecord[]) =>
  table(
    ['time', 'what', 'from', 'to', 'by', 'signed', 'reason'],
    chain.map(({ record, signedBy }) => [
      record.time,
      record.kind,
      record.from?.slice(0, 12) ?? '',
      record.to.slice(0, 12),
      record.by,
      signedBy === undefined ? '' : 'ed25519',
      record.reason,
    ]),
  );
