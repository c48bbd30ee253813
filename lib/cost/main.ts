// npm run cost -- --env prod --readings 100000
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../../functions/cli/errors.ts';
import { CatalogError } from '../../functions/models/catalog-error.ts';
import { loadFamily } from '../../functions/models/load.ts';
import { environments } from '../environments.ts';
import { estimate } from './estimate.ts';
import { MixError } from './film.ts';
import { holdingsOf } from './holdings.ts';
import { PriceError, readPrices } from './prices.ts';
import { inText } from './print.ts';

type Options = {
  env: string;
  readings: number;
  findings: string[];
  jobs: number;
  filmMb: number;
  decodeMs: number;
  gpuMs?: number;
  prices: string;
  models: string;
  json?: true;
};

const between = (low: number, high: number) => (text: string) => {
  const number = Number(text);
  if (text.trim() !== '' && number >= low && number <= high) return number;
  throw new InvalidArgumentError(`Expected a number from ${low} to ${high}.`);
};

const program = new Command('npm run cost --')
  .description('What a month of an environment costs, and what routing saves. It asks nobody, and needs no account.')
  .requiredOption('--env <name>', environments.map(({ name }) => name).join(', '))
  .requiredOption('--readings <count>', 'a month', between(0, 1e9))
  .option('--findings <names>', 'what each reading asks for; all that the family reads by default', named, [])
  .option('--jobs <share>', 'of the readings that come as jobs, from 0 to 1', between(0, 1), 0.5)
  .option('--film-mb <size>', 'of a film as it is sent', between(0, 256), 6.2)
  .option(
    '--decode-ms <ms>',
    'of a film beside inference; JPEG lossless, as in docs/dicom-conformance.md',
    between(0, 60_000),
    202,
  )
  .option(
    '--gpu-ms <ms>',
    'inference on the largest variant on your GPU, where the catalog has not measured it',
    between(0.01, 60_000),
  )
  .option('--prices <file>', 'another price table', join(import.meta.dirname, 'prices.json'))
  .option('--models <folder>', 'the folder of families', join(import.meta.dirname, '../../models'))
  .option('--json', 'the same as JSON')
  .action(run);

function named(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function run(options: Options): void {
  try {
    process.stdout.write(answer(options));
  } catch (error) {
    const known = [UsageError, PriceError, CatalogError, MixError].some((kind) => error instanceof kind);
    if (known && error instanceof Error) program.error(error.message);
    throw error;
  }
}

function answer({ env, findings, prices: path, models, json, gpuMs, ...demand }: Options): string {
  const environment = environments.find(({ name }) => name === env);
  if (!environment)
    throw new UsageError(
      `--env ${env}: no such environment. Known: ${environments.map(({ name }) => name).join(', ')}.`,
    );
  const prices = readPrices(path);
  const family = loadFamily(models, environment.models.family);
  // In the order of the catalog, without repeats, as a request has them; what the catalog does not know comes last.
  const known = family.catalog.findings.filter((finding) => findings.includes(finding));
  const strange = findings.filter((finding) => !known.includes(finding));
  const { readings, jobs, filmMb, decodeMs } = demand;
  const asked = { readings, jobs, filmMb, decodeMs, gpuMs, findings: [...known, ...strange] };
  const made = estimate(environment, holdingsOf(environment), family, asked, prices);
  return json ? `${JSON.stringify(made, null, 2)}\n` : inText(made, prices);
}

program.parse();
