import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Channel } from '../../models/manifest.ts';
import type { Compared } from '../../models/release/compare.ts';
import { rollback as rollBack } from '../../models/release/move-pointer.ts';
import { promote as promoteFamily } from '../../models/release/promote.ts';
import { readPointer } from '../../models/release-reader.ts';
import { readConfig } from '../../platform/config.ts';
import { table } from '../output/table.ts';
import {
  channelOption,
  type SignOffOptions,
  type StoreOptions,
  signOffOf,
  signOffOptions,
  storeOptions,
  withStore,
} from './catalog-store.ts';

type Promotion = StoreOptions &
  SignOffOptions & { from: Channel; to: Channel; margin: number; uncompared?: boolean; json?: true };

/** `alara catalog promote`: move the family of canary to live, if no finding loses more than its margin. */
export function promote(catalog: Command): void {
  const command = catalog
    .command('promote')
    .description('Promote the family of one channel to another, if no finding may have lost more than its margin.')
    .addOption(channelOption('--from <channel>', 'what is promoted', 'canary'))
    .addOption(channelOption('--to <channel>', 'what it replaces', 'live'))
    .option('--margin <auroc>', 'AUROC that a finding may lose if the policy in force has no margin', share, 0.02)
    .option('--uncompared', 'promote a family that cannot be compared, and state that in the record')
    .option('--json', 'the comparison as JSON');
  signOffOptions(storeOptions(command))
    .addHelpText(
      'after',
      `
Both families must have been measured on the same films, by the same protocol and labels. The lower end of the paired
95 % interval decides. Exit code 1: a finding may have lost too much, and nothing was moved. --uncompared is for a family
on other films, or without scores, or in the place of one that is spoilt; what can be compared is compared all the same.

Example:
  alara catalog promote --store s3://hospital-models/alara --by "A. Physicist" --reason "protocol 7, step 3"`,
    )
    .action(async (options: Promotion) => {
      process.exitCode = await withStore(options, (objects, family) => run(objects, family, options));
    });
}

async function run(
  objects: Parameters<typeof promoteFamily>[0],
  family: string,
  { from, to, margin, uncompared = false, json, ...options }: Promotion,
): Promise<0 | 1> {
  const { device } = readConfig(process.env);
  const promoted = await promoteFamily(objects, family, {
    ...{ from, to, margin, uncompared, device },
    signOff: signOffOf(options),
  });
  if (promoted.kind === 'unchanged') {
    process.stdout.write(`The channel ${to} points to ${promoted.manifest} already.\n`);
    return 0;
  }
  const { compared } = promoted;
  if (json) process.stdout.write(`${JSON.stringify(promoted, null, 2)}\n`);
  else if (compared.length > 0) process.stdout.write(`${inText(compared)}\n`);
  if (promoted.kind === 'refused') {
    const findings = [...new Set(compared.filter((one) => !one.withinMargin).map(({ finding }) => finding))];
    process.stderr.write(
      `alara: not promoted: ${findings.join(', ')} may lose more AUROC than the margin. The channel ${to} is as it was.\n`,
    );
    return 1;
  }
  const { moved } = promoted;
  const nothing = compared.length === 0 && `Nothing was on the channel ${to}: there was nothing to compare with.\n`;
  const why = promoted.uncompared === undefined ? nothing : `Not compared: ${promoted.uncompared}.\n`;
  if (!json) process.stdout.write(`${why || ''}The channel ${to} points to ${moved.to}. Record ${moved.record}\n`);
  return 0;
}

/** The variants that serve a finding, and all that exceed the margin. */
function inText(compared: readonly Compared[]): string {
  const shown = compared.filter(({ served, withinMargin }) => served || !withinMargin);
  const rows = shown.map((one) => [
    one.finding,
    one.variant === one.reference ? one.variant : `${one.variant} for ${one.reference}`,
    one.referenceAuroc.toFixed(3),
    one.auroc.toFixed(3),
    `${signed(one.difference)} [${one.ci95.map(signed).join(', ')}]`,
    String(one.margin),
    one.withinMargin ? 'within' : 'BEYOND',
  ]);
  return [
    table(['finding', 'variant', 'before', 'after', 'difference [95 %]', 'margin', ''], rows),
    `${compared.length} comparisons; shown are the variants that serve, and what falls beyond its margin.\n`,
  ].join('');
}

const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(3)}`;

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

type Rollback = StoreOptions & SignOffOptions & { channel: Channel };

/** `alara catalog rollback`: move the pointer of a channel back. */
export function rollback(catalog: Command): void {
  const command = catalog
    .command('rollback')
    .description('Move the pointer of a channel back to the manifest before, at once.')
    .addOption(channelOption('--channel <channel>', 'which'));
  signOffOptions(storeOptions(command))
    .addHelpText(
      'after',
      '\nExample:\n  alara catalog rollback --channel live --store s3://hospital-models/alara --by "A. Physicist" --reason "odd heat maps"',
    )
    .action(async (options: Rollback) => {
      const { channel } = options;
      const { record, from, to } = await withStore(options, async (objects, family) =>
        rollBack(objects, family, channel, await readPointer(objects, family, channel), signOffOf(options)),
      );
      process.stdout.write(`The channel ${channel} points to ${to} again, no longer to ${from}. Record ${record}\n`);
    });
}
