import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { Channel } from '../../models/manifest.ts';
import type { Compared } from '../../models/release/compare.ts';
import { rollback as rollBack } from '../../models/release/move-pointer.ts';
import { promote as promoteFamily } from '../../models/release/promote.ts';
import { readPointer } from '../../models/release-reader.ts';
import { readConfig } from '../../platform/config.ts';
import { help } from '../help.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { paragraph } from '../output/wrap.ts';
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
    .addOption(channelOption('--from <channel>', 'the channel whose family is promoted', 'canary'))
    .addOption(channelOption('--to <channel>', 'the channel that gets the family', 'live'))
    .option('--margin <auroc>', 'AUROC that a finding may lose if the policy in force has no margin', share, 0.02)
    .option('--uncompared', 'promote a family that cannot be compared, and state that in the record');
  help(withJson(signOffOptions(storeOptions(command)), 'print the comparison and the move as one JSON document'), {
    example: 'alara catalog promote --store /srv/models --by "A. Miller" --reason "step 3"',
    notes: [
      'Both families must have been measured on the same films, with the same protocol and the same labels. The lower end of the paired 95 % interval decides. Exit code 1: a finding may have lost too much, and nothing was moved.',
      '--uncompared is for a family on other films, for a family without scores, and for the replacement of a damaged family. Findings that can be compared are compared nevertheless.',
    ],
  }).action(async (options: Promotion) => {
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
    show(json, promoted, () => `The channel ${to} points to ${promoted.manifest} already.\n`);
    return 0;
  }
  const { compared } = promoted;
  show(json, promoted, () => (compared.length > 0 ? `${inText(compared)}\n` : ''));
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
  if (!json) process.stdout.write(`${why || ''}The channel ${to} points to\n${moved.to}. Record\n${moved.record}\n`);
  return 0;
}

/** The variants that serve a finding, and all that exceed the margin. */
function inText(compared: readonly Compared[]): string {
  const shown = compared.filter(({ served, withinMargin }) => served || !withinMargin);
  const rows = shown.map((one) => [
    one.finding,
    one.variant === one.reference ? one.variant : `${one.variant} for ${one.reference}`,
    one.auroc.toFixed(3),
    `${signed(one.difference)} [${one.ci95.map(signed).join(',')}]`,
    String(one.margin),
    one.withinMargin ? 'within' : 'BEYOND',
  ]);
  return [
    table(['finding', 'variant', 'AUROC', 'difference [95 %]', 'margin', ''], rows),
    paragraph(
      `${compared.length} comparisons. The table shows the variants that serve, and each comparison beyond its margin.`,
    ),
  ].join('');
}

const signed = (value: number) => `${value < 0 ? '' : '+'}${value.toFixed(3)}`;

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('Expected a number from 0 to 1.');
  return value;
}

type Rollback = StoreOptions & SignOffOptions & JsonOption & { channel: Channel };

/** `alara catalog rollback`: move the pointer of a channel back. */
export function rollback(catalog: Command): void {
  const command = catalog
    .command('rollback')
    .description('Move the pointer of a channel back to the manifest before, at once.')
    .addOption(channelOption('--channel <channel>', 'the channel to move back'));
  help(withJson(signOffOptions(storeOptions(command))), {
    example: 'alara catalog rollback --channel live --by "A. Physicist" --reason "odd maps"',
  }).action(async (options: Rollback) => {
    const { channel, json } = options;
    const { record, from, to } = await withStore(options, async (objects, family) =>
      rollBack(objects, family, channel, await readPointer(objects, family, channel), signOffOf(options)),
    );
    show(
      json,
      { channel, to, from, record },
      () => `The channel ${channel} points again to\n${to}, no longer to\n${from}. Record\n${record}\n`,
    );
  });
}
