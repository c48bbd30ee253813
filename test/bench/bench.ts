/**
 * Whole requests beside their floor: npm run bench -- --help. All measurements are interleaved in one run, round by round.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus as processors, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openRouter } from '../../functions/inference/router.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { cpus } from '../../functions/platform/cpus.ts';
import { formats, type Size, sizes, writeFilm } from './films.ts';
import type { FloorTask } from './floor.ts';
import { processorTime, residentMb } from './process-tree.ts';
import { readOverHttp, startService, stopService } from './service.ts';

const { values: options } = parseArgs({
  options: {
    variants: { type: 'string' },
    formats: { type: 'string', default: formats.join(',') },
    sizes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
    films: { type: 'string', default: '3' },
    warm: { type: 'string', default: '1000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- [--variants a,b] [--formats ${formats.join(',')}] [--sizes ${Object.keys(sizes)}]
  [--rounds n] [--films n (per measurement)] [--warm n (films before the first round)] [--json]
Without --variants: all variants with the first format and size, and the largest int8 variant with all others.`);
  process.exit();
}

const data = mkdtempSync(join(tmpdir(), 'alara-bench-'));
const { family } = openRouter(readConfig({ ALARA_DATA: data }));
const ids = family.catalog.variants.map(({ id }) => id);
const [largest = ''] = ids.filter((id) => id.endsWith('int8')).slice(-1);
const wanted = options.variants?.split(',');
const rounds = Number(options.rounds);
const filmsPerRound = Number(options.films);
const warmUpFilms = Number(options.warm);

const lists = options.formats
  .split(',')
  .flatMap((format) => options.sizes.split(',').map((size) => ({ format, size })));
for (const { format, size } of lists)
  if (!formats.includes(format) || !Object.hasOwn(sizes, size))
    fail(
      `${format}, ${size} px: the formats are ${formats.join(', ')}, the sizes ${Object.keys(sizes).join(' and ')} px`,
    );
const films = await Promise.all(lists.map(({ format, size }) => writeFilm(format, Number(size) as Size)));
const missing = lists.filter((_, i) => !films[i]).map(({ format, size }) => `${format} ${size} px`);
const tasks: FloorTask[] = films.flatMap((film, i) =>
  film ? (wanted ?? (i === 0 ? ids : [largest])).map((variant) => ({ film, variant })) : [],
);
const first = tasks[0] ?? fail(`no film can be encoded here: ${missing.join(', ')}`);

function fail(problem: string): never {
  throw new Error(problem);
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const round = (value: number, digits = 1) => Number(value.toFixed(digits));

/** The time from the start of the service to its first answer, of a service that is stopped again. */
async function timeToFirstAnswer(): Promise<number> {
  const start = performance.now();
  const service = await startService(mkdtempSync(join(data, 'start-')));
  await readOverHttp(service.url, first.film, `variant=${largest}`);
  const spent = performance.now() - start;
  await stopService(service);
  return spent;
}
const startMs = [];
for (let i = 0; i < 3; i++) startMs.push(await timeToFirstAnswer());

const service = await startService(data);
// The heap of the floor grows like those of the service: functions/cli/serve/child.ts.
const floor = fork(join(import.meta.dirname, 'floor.ts'), {
  env: { ...process.env, ALARA_DATA: data },
  execArgv: [...process.execArgv, '--heap-growing-percent=100'],
});
await once(floor, 'message');
const readyMb = residentMb(service.pid);

/** A side of the comparison: processor time and wall time per film. */
async function measure(time: () => number, read: () => Promise<number>) {
  const before = time();
  const wallMs = [];
  for (let i = 0; i < filmsPerRound; i++) wallMs.push(await read());
  // Work after the answer counts too.
  await delay(20);
  return { cpuMs: (time() - before) / filmsPerRound, wallMs };
}
const sides = {
  floor: {
    time: processorTime(floor.pid ?? 0),
    read: async (task: FloorTask) => {
      floor.send(task);
      const [ms] = await once(floor, 'message');
      return Number(ms);
    },
  },
  service: {
    time: processorTime(service.pid),
    read: ({ film, variant }: FloorTask) => readOverHttp(service.url, film, `variant=${variant}`),
  },
};
const cells = tasks.map((task) => ({
  task,
  floor: { cpuMs: [] as number[], wallMs: [] as number[] },
  service: { cpuMs: [] as number[], wallMs: [] as number[] },
}));
// Each thread loads its models, and V8 compiles the code of both sides, before the first round.
for (const { task } of cells)
  for (let i = 0; i < warmUpFilms / cells.length; i += 2 * cpus()) {
    await sides.floor.read(task);
    await Promise.all(Array.from({ length: 2 * cpus() }, () => sides.service.read(task)));
  }
for (let i = 0; i < rounds; i++)
  for (const cell of cells)
    for (const side of ['floor', 'service'] as const) {
      const { time, read } = sides[side];
      const { cpuMs, wallMs } = await measure(time, () => read(cell.task));
      cell[side].cpuMs.push(cpuMs);
      cell[side].wallMs.push(...wallMs);
    }

const rows = cells.map(({ task: { film, variant }, floor, service }) => ({
  format: film.format,
  size: film.size,
  variant,
  floorCpuMs: round(mean(floor.cpuMs)),
  cpuMs: round(mean(service.cpuMs)),
  cpuRatio: round(mean(service.cpuMs) / mean(floor.cpuMs), 2),
  floorMs: round(median(floor.wallMs)),
  p50Ms: round(median(service.wallMs)),
  p50Ratio: round(median(service.wallMs) / median(floor.wallMs), 2),
}));

/** Films per second of four clients at once. */
async function throughput(query: string): Promise<number> {
  const end = performance.now() + 5000;
  let read = 0;
  const client = async () => {
    for (; performance.now() < end; read++) await readOverHttp(service.url, first.film, query);
  };
  await Promise.all(Array.from({ length: 4 }, client));
  return read / 5;
}
const filmsPerSecond = round(await throughput('bestEffort=true'));

const result = {
  machine: `${processors()[0]?.model}, ${cpus()} processors`,
  node: process.version,
  date: new Date().toISOString().slice(0, 10),
  rounds,
  filmsPerRound,
  warmUpFilms,
  missing,
  startToFirstAnswerMs: round(median(startMs), 0),
  residentMb: { ready: round(readyMb, 0), after: round(residentMb(service.pid), 0) },
  filmsPerSecond,
  rows,
};
if (options.json) console.log(JSON.stringify(result, null, 2));
else {
  console.log(
    `${result.machine}, Node ${result.node}, ${result.date}; ${rounds} interleaved rounds: mean processor time, median wall time.`,
  );
  if (missing.length > 0) console.log(`Not measured, because the encoder is missing: ${missing.join(', ')}.`);
  console.table(rows);
  console.log(
    `First answer ${result.startToFirstAnswerMs} ms after the start; resident ${result.residentMb.ready} MB when ready,`,
  );
  console.log(
    `${result.residentMb.after} MB after all requests; default plan: ${filmsPerSecond} films/s with four clients.`,
  );
}
floor.disconnect();
await stopService(service);
for (const film of films) if (film) rmSync(join(film.path, '..'), { recursive: true });
rmSync(data, { recursive: true });
