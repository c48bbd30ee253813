import { type Command, Option } from 'commander';
import { notice, type Reading } from '../../core/reading.ts';
import { ok, type Result } from '../../core/result.ts';
import { createEngine, type Engine } from '../../inference/pool.ts';
import { openRouter, type Router } from '../../inference/router.ts';
import { type Config, readConfig } from '../../platform/config.ts';
import type { PresentFamily } from '../../results/present-reading.ts';
import type { Plan } from '../../routing/cheapest-plan.ts';
import type { ReadRequest } from '../../routing/request.ts';
import { localTenant } from '../../storage/access.ts';
import { type FilmFault, problemOf, problemText, UsageError, unwrap } from '../errors.ts';
import { help } from '../help.ts';
import { csvHead, csvRows } from '../output/csv.ts';
import { filmsIn, loadFilm } from '../output/films.ts';
import { filmTable, filmView } from '../output/print.ts';
import { openProgress } from '../output/progress.ts';
import { addRoutingOptions, planFromOptions, type RoutingOptions } from '../routing-options.ts';

type Options = RoutingOptions & { prevalence?: string; explain?: true; json?: true; ndjson?: true; csv?: true };

/** `alara read`: films to readings, in this process. */
export function read(program: Command): void {
  const command = addRoutingOptions(
    program
      .command('read')
      .description('Read films or folders of films (DICOM, PNG and JPEG) without a server.')
      .argument('<films-or-folders...>', 'files and folders; - reads one film from standard input'),
  )
    .option('--prevalence <share>', 're-calibrate to a local prevalence: 0.05, or Nodule:0.05,Edema:0.1')
    .option('--explain', 'add a heat map per finding: where the model looked (with --json or --ndjson)')
    .addOption(
      new Option('--json', 'print one JSON array: {file, reading} or {file, problem} per film').conflicts('csv'),
    )
    .addOption(new Option('--ndjson', 'print these objects as one line per film').conflicts(['csv', 'json']))
    .option('--csv', 'print one row per film and finding');
  help(command, {
    example: 'alara read films/ --csv > readings.csv',
    notes: [
      'A film that cannot be read is reported and passed over. The exit code is then 1. Results come in the order of the films. ALARA_WORKERS films are read at the same time, by default one per processor.',
      notice,
    ],
  }).action(async (paths: string[], options: Options) => {
    process.exitCode = await readFilms(paths, options);
  });
}

async function readFilms(
  paths: readonly string[],
  { json, ndjson, csv, explain, ...routing }: Options,
): Promise<0 | 1> {
  if (explain && !json && !ndjson)
    throw new UsageError('--explain adds heat maps, which only --json and --ndjson can contain: add --json.');
  const config = readConfig(process.env);
  const router = openRouter(config);
  const planned = planFromOptions(router, { ...routing, ...(explain && { explain: 'heatmap' }) });
  const films = await filmsIn(paths);
  const format = json
    ? jsonFormat(router.family)
    : ndjson
      ? ndjsonFormat(router.family)
      : csv
        ? csvFormat
        : tableFormat(planned.plan);

  const workers = Math.min(config.workers, films.length);
  // Load twice as many films as there are threads, so that no thread waits for a film. The others stay on disk.
  const concurrency = 2 * workers;
  const warm = planned.plan.runs.map(({ variant }) => variant.id);
  const engine = createEngine({
    ...config,
    plan: router.plan,
    family: router.family,
    warm,
    workers,
    queue: concurrency,
  });
  const progress = openProgress(films.length);
  const failed: { file: string; fault: FilmFault }[] = [];
  try {
    unwrap(await engine.ready);
    process.stdout.write(format.head);
    const results = inOrder(films, concurrency, (file) => readFilm(file, router, engine, planned.request, config));
    for await (const { file, result } of results) {
      if (!result.ok) failed.push({ file, fault: result.fault });
      progress.print(() => process.stdout.write(format.film(file, result)));
      progress.advance(!result.ok);
    }
    progress.stop();
    process.stdout.write(format.foot);
  } finally {
    progress.stop();
    await engine.close();
  }
  if (failed.length > 0) process.stderr.write(summary(films.length, failed));
  return failed.length > 0 ? 1 : 0;
}

async function readFilm(
  file: string,
  router: Router,
  engine: Engine,
  request: ReadRequest,
  { maxBodyBytes }: Config,
): Promise<{ file: string; result: Result<Reading, FilmFault> }> {
  const loaded = await loadFilm(file, maxBodyBytes);
  if (!loaded.ok) return { file, result: loaded };
  const id = await router.identify(localTenant, loaded.value.bytes, request);
  const result = await engine.read({ id, ...loaded.value, request });
  return { file, result: result.ok ? ok(result.value.reading) : result };
}

type Format = {
  readonly head: string;
  film(file: string, result: Result<Reading, FilmFault>): string;
  readonly foot: string;
};

/** One array, written film by film, because a folder may have more films than fit into memory. */
function jsonFormat(family: PresentFamily): Format {
  let isFirst = true;
  const film: Format['film'] = (file, result) => {
    const separator = isFirst ? '' : ',\n';
    isFirst = false;
    return `${separator}${JSON.stringify(filmView(file, result, family))}`;
  };
  return { head: '[\n', film, foot: '\n]\n' };
}
const ndjsonFormat = (family: PresentFamily): Format => ({
  head: '',
  film: (file, result) => `${JSON.stringify(filmView(file, result, family))}\n`,
  foot: '',
});
const csvFormat: Format = { head: csvHead(), film: csvRows, foot: '' };
const tableFormat = (plan: Plan): Format => ({
  head: '',
  film: (file, result) => filmTable(file, result, plan),
  foot: `${notice}\n`,
});

function summary(films: number, failed: readonly { file: string; fault: FilmFault }[]): string {
  const lines = failed.map(({ file, fault }) => `  ${file}: ${fault.code}: ${problemText(problemOf(fault))}\n`);
  return `alara: ${films - failed.length} read, ${failed.length} failed:\n${lines.join('')}`;
}

/** Process at most `width` items at a time and yield the results in the order of the items. `work` must not throw. */
export async function* inOrder<Item, Value>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Value>,
): AsyncGenerator<Value> {
  const pending: Promise<Value>[] = [];
  for (const item of items) {
    pending.push(work(item));
    const first = pending.length >= width ? pending.shift() : undefined;
    if (first) yield await first;
  }
  for (const rest of pending) yield await rest;
}
