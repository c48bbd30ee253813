import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { type LoadedFamily, loadFamily } from '../../models/load.ts';
import type { MeasuredCosts as Costs } from '../../models/measured-costs.ts';
import { costsFile, storeCosts, writeCosts } from '../../models/measured-costs.ts';
import { openModelCache } from '../../models/model-cache.ts';
import { openPublished } from '../../models/release-client.ts';
import { isStore, openObjects } from '../../models/store/open-store.ts';
import { type Config, readConfig } from '../../platform/config.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';
import { costTable } from '../../routing/cost-table.ts';
import { problemOf, problemText, UsageError, unwrap } from '../errors.ts';
import { help } from '../help.ts';
import { loadFilm } from '../output/films.ts';
import { type JsonOption, show, tell, withJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { paragraph } from '../output/wrap.ts';

type Options = JsonOption & { readonly rounds: number; readonly write?: true };

const maxRounds = 1000;

/** `alara catalog measure`: measure what a film costs on this host, for the plans of the service. */
export function measure(catalog: Command): void {
  const command = catalog
    .command('measure')
    .description('Measure what a film costs on this host, per variant: decoding, resizing and inference.')
    .argument('[film]', 'the film to measure with; default: a bundled film of 1024 px')
    .option('--rounds <n>', 'rounds; the costs are medians over the rounds', wholeNumber, 15)
    .option('--write', 'write the costs into catalog.json of the family, for publication');
  help(withJson(command), {
    example: 'alara catalog measure --rounds 30',
    notes: [
      'The result is stored as costs.json in ALARA_DATA. The service, alara read, alara route and alara catalog show use it from their next start, as long as they use this catalog on this ALARA_DEVICE. Stop other work on the host during the measurement, and measure with a film like those that the service reads.',
      'With --write, nothing is stored in ALARA_DATA. The costs of this device are written into the catalog.json of the family folder, and the other devices and the rest of the file stay as they are. The digest of the catalog changes, so publish the family again.',
      'The plan of a request and the id of a reading depend on the costs. A film that is sent again after a new measurement gets a new reading.',
    ],
  }).action(async (film: string | undefined, options: Options) => {
    await measureFamily(film, options, readConfig(process.env));
  });
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= maxRounds) return value;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${maxRounds}.`);
}

async function measureFamily(path: string | undefined, { json, rounds, write }: Options, config: Config) {
  if (write && isStore(config.models))
    throw new UsageError(
      `--write needs a folder, and ALARA_MODELS=${config.models} is a store, whose catalogs never change. Name the folder of the family in ALARA_MODELS, measure there, and publish the family again.`,
    );
  const film = path === undefined ? undefined : await filmOf(path, config);
  await withFamily(config, async (family) => {
    // The native libraries load here only, so that every other command works without them.
    const { bundledFilm, measureCosts } = await import('../../inference/measure-costs.ts');
    tell(json, `Measuring ${family.catalog.variants.length} variants, rounds: ${rounds}…\n`);
    const costs = unwrap(await measureCosts(family, config.device, film ?? (await bundledFilm()), rounds));
    const stored = write ? writeCosts(family, costs) : storeCosts(config.data, costs);
    const rows = rowsOf(family, costs);
    show(json, { ...costs, ...rows, stored }, () =>
      inText(costs, rows, write ? written(stored, config) : kept(stored)),
    );
  });
}

async function filmOf(path: string, { maxBodyBytes }: Config) {
  const loaded = await loadFilm(path, maxBodyBytes);
  if (!loaded.ok) throw new UsageError(`${path}: ${problemText(problemOf(loaded.fault))}`);
  // The name of a file may contain patient data, and the result is published.
  return { name: 'own film', ...loaded.value };
}

/** Run work on the configured family. The models of a store are downloaded first. */
async function withFamily(config: Config, work: (family: LoadedFamily) => Promise<void>): Promise<void> {
  const { models, family, channel, modelCache, modelCacheBytes } = config;
  if (!isStore(models)) return work(loadFamily(models, family));
  const cache = openModelCache(modelCache, modelCacheBytes);
  const published = openPublished(await openObjects(models), family, channel, cache);
  const installed = await published.open((await published.look()).manifest);
  try {
    for (const variant of installed.family.catalog.variants) {
      const fetched = await published.fetch(variant);
      if (fetched.kind !== 'here') throw new StoreUnavailable(`${variant.id}: ${fetched.problem}`);
    }
    await work(installed.family);
  } finally {
    await published.release(installed);
  }
}

/** The costs as the router uses them, and the variant that they are compared with. */
function rowsOf({ catalog }: LoadedFamily, measured: Costs) {
  const costs = costTable(catalog, measured.device, measured);
  const total = catalog.variants.map((variant) => ({ variant, totalMs: costs.plan([variant]) }));
  const highest = Math.max(...catalog.variants.map(({ resolution }) => resolution));
  const [largest] = total
    .filter(({ variant }) => variant.resolution === highest)
    .toSorted((a, b) => a.totalMs - b.totalMs);
  if (!largest) throw new Error('a catalog has at least one variant');
  return {
    largest: largest.variant.id,
    variants: total.map(({ variant, totalMs }) => ({
      id: variant.id,
      decodeMs: costs.decode([variant]),
      ms: costs.of(variant),
      totalMs: Number(totalMs.toFixed(2)),
      costVsLargest: Number((totalMs / largest.totalMs).toFixed(3)),
    })),
  };
}

const inText = ({ measuredOn, device }: Costs, { variants, largest }: ReturnType<typeof rowsOf>, end: string) =>
  [
    table(
      ['variant', 'decode ms', 'rest ms', 'total ms', `of ${largest}`],
      variants.map(({ id, decodeMs, ms, totalMs, costVsLargest }) => [
        id,
        ...[decodeMs, ms, totalMs].map((value) => value.toFixed(1)),
        costVsLargest.toFixed(2),
      ]),
    ),
    '\n',
    paragraph(`Measured on ${device}: ${measuredOn}.`),
    paragraph(
      'rest: resizing, tensor and inference. A plan decodes a film once, and counts the dearest decoding of its resolutions.',
    ),
    paragraph(end),
  ].join('');

const kept = (path: string) =>
  `Stored in ${path}. A service that serves this catalog on this device uses these costs from its next start.`;

function written(path: string, { data }: Config): string {
  const old = costsFile(data);
  const outdated = existsSync(old) ? ` Delete ${old}: its costs belong to the catalog before this change.` : '';
  return `Written to ${path}. The digest of the catalog has changed: publish the family again.${outdated}`;
}
