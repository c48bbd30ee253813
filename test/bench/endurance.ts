/**
 * Memory over many requests and reloads of the catalog: npm run bench -- endurance --help. The service runs on a store of published families.
 * While clients send films, one release after the other is promoted. Every answer is compared with the expected one.
 */
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus as processors, tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { messageOf } from '../../functions/core/errors.ts';
import { cpus } from '../../functions/platform/cpus.ts';
import { distinctFilm } from './peers/distinct-film.ts';
import { groupCpuMs } from './peers/process-group.ts';
import { openFiles, residentMb, threadsOf } from './process-tree.ts';
import { openReleases } from './releases.ts';
import { post, startService, stopService } from './service.ts';
import { slopeOf } from './slope.ts';

const { values: options } = parseArgs({
  options: {
    requests: { type: 'string', default: '100000' },
    reloads: { type: 'string', default: '50' },
    clients: { type: 'string', default: '4' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- endurance [--requests 100000] [--reloads 50] [--clients 4] [--json FILE]
Prints a line per 2000 requests (fewer in a short run). The exit code is 1 if an answer was not the expected one. 100000 requests need
3 GB in the folder of temporary files (TMPDIR), which must not be in memory.`);
  process.exit();
}

function wholeNumber(name: 'requests' | 'reloads' | 'clients', least: number): number {
  const value = Number(options[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} ${options[name]}: expected a whole number of at least ${least}`);
}
const requests = wholeNumber('requests', 1);
const reloads = wholeNumber('reloads', 0);
const clients = wholeNumber('clients', 1);
const every = Math.min(2000, Math.ceil(requests / 20));
/** Each 20th request is one that the service refuses. */
const refusedEvery = 20;
/** With more failures than this the run has failed, and continuing shows nothing more. */
const mostFailures = 100;

const folder = mkdtempSync(join(tmpdir(), 'alara-endurance-'));
const data = join(folder, 'data');
mkdirSync(data);
const releases = openReleases(folder);
await releases.publish(0);
await releases.promote();
// The service polls the channel each second, so that a release serves soon after its promotion.
const service = await startService(data, { ALARA_MODELS: releases.store, ALARA_POINTER_SECONDS: '1' });
process.once('exit', () => service.child.kill());
while (!(await fetch(`${service.url}/health/ready`)).ok) await delay(100);

const get = async (path: string) => (await fetch(`${service.url}${path}`)).json();
type View = { readonly digest: string; readonly catalog: { readonly variants: readonly { readonly id: string }[] } };
const first: View = await get('/v1/catalog');

type TestFilm = {
  readonly name: string;
  readonly mediaType: string;
  readonly expected: { readonly status: number; readonly code?: string };
};
/** A film with the answer that the service has to give. */
type Film = { readonly name: string; readonly body: Buffer } & Pick<TestFilm, 'mediaType' | 'expected'>;

/** The test films of the service, which has one per usual refusal, and those of the repository. */
const listed: readonly TestFilm[] = (await get('/v1/test-films')).films;
const films: Film[] = await Promise.all(
  listed.map(async (film) => {
    const response = await fetch(`${service.url}/v1/test-films/${film.name}`);
    return { ...film, body: Buffer.from(await response.arrayBuffer()) };
  }),
);
for (const name of readdirSync('test/films').filter((name) => /\.(png|jpg)$/.test(name))) {
  const mediaType = extname(name) === '.png' ? 'image/png' : 'image/jpeg';
  films.push({ name, mediaType, expected: { status: 201 }, body: readFileSync(join('test/films', name)) });
}
const read = films.filter(({ expected }) => expected.status === 201);
const refused = films.filter(({ expected }) => expected.status !== 201);
const queries = [
  '',
  'findings=Nodule',
  'findings=Mass&explain=heatmap',
  ...first.catalog.variants.map(({ id }) => `variant=${id}`),
];

/** The film and the query of a request. Each film is read with each query in turn. */
function mix(number: number): { film: Film; query: string } {
  const refusals = Math.floor(number / refusedEvery);
  if (number % refusedEvery === 0) return { film: item(refused, refusals), query: '' };
  const reading = number - refusals;
  return { film: item(read, reading), query: item(queries, Math.floor(reading / read.length)) };
}

function item<Item>(list: readonly Item[], number: number): Item {
  const found = list[number % list.length];
  if (found === undefined) throw new Error('an empty list');
  return found;
}

type Reading = {
  readonly catalog: string;
  readonly findings: readonly { readonly finding: string; readonly variant: string; readonly probability: number }[];
};
const failures: string[] = [];
let failed = 0;
const fail = (problem: string) => {
  failed++;
  if (failures.length < 20) failures.push(problem);
};
/** The catalogs that were in service, and those of the answers. */
const promoted = new Set([first.digest]);
const answering = new Set<string>();
/** The first result per film and query. All releases have the same models and the same evidence, so each later result equals it. */
const results = new Map<string, string>();

let started = 0;
let answered = 0;
let readings = 0;

/** The difference between an answer and the expected one, in words; undefined if there is none. */
function differenceOf({ name, expected }: Film, query: string, status: number, text: string): string | undefined {
  if (status !== expected.status) return `${status} ${text.slice(0, 300)}`;
  const answer = JSON.parse(text);
  if (expected.code !== undefined) return answer.code === expected.code ? undefined : answer.code;
  const { catalog, findings }: Reading = answer;
  readings++;
  answering.add(catalog);
  const result = JSON.stringify(findings.map(({ finding, variant, probability }) => [finding, variant, probability]));
  const request = `${name} ${query}`;
  const known = results.get(request) ?? result;
  results.set(request, known);
  return known === result ? undefined : `${result} instead of ${known}`;
}

type Sample = {
  readonly requests: number;
  readonly reloads: number;
  readonly residentMb: number;
  readonly openFiles: number;
  readonly threads: number;
  readonly filmsPerSecond: number;
  readonly cpuMsPerFilm: number;
};
const samples: Sample[] = [];
let reloaded = 0;
let last = { at: performance.now(), readings: 0, cpuMs: groupCpuMs(service.pid) };

const round = (value: number, digits = 1) => Number(value.toFixed(digits));
const columns = ['requests', 'reloads', 'resident MB', 'open files', 'threads', 'films/s', 'CPU ms per film'];
const line = (values: readonly unknown[]) =>
  console.log(values.map((value, i) => String(value).padStart(columns[i]?.length ?? 0)).join('  '));

function sample(): void {
  const now = { at: performance.now(), readings, cpuMs: groupCpuMs(service.pid) };
  const read = now.readings - last.readings;
  const taken: Sample = {
    ...{ requests: answered, reloads: reloaded, residentMb: round(residentMb(service.pid), 0) },
    ...{ openFiles: openFiles(service.pid), threads: threadsOf(service.pid) },
    filmsPerSecond: round((read * 1000) / (now.at - last.at)),
    cpuMsPerFilm: round((now.cpuMs - last.cpuMs) / read),
  };
  last = now;
  samples.push(taken);
  line(Object.values(taken));
  save();
}

const megabytes = (bytes: number) => bytes / 1e6;
const startedOn = new Date().toISOString().slice(0, 10);

/** The size of the store without the downloaded models and the log, in MB. */
function storeMb(): number {
  const sizeOf = (path: string): number => {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isDirectory()) return stats?.size ?? 0;
    return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
  };
  const names = readdirSync(data).filter((name) => name !== 'models' && name !== 'log');
  return megabytes(names.reduce((sum, name) => sum + sizeOf(join(data, name)), 0));
}

/** MB per 10 000 requests over the second half, in which all models are loaded and the heap has its usual size. */
const slope = () =>
  slopeOf(
    samples
      .filter((sample) => sample.requests > requests / 2)
      .map((sample) => [sample.requests / 10_000, sample.residentMb]),
  );

const result = (more: object = {}) => ({
  machine: `${processors()[0]?.model}, ${cpus()} processors`,
  ...{ node: process.version, date: startedOn, requests, clients },
  ...{ answered, readings, reloads: reloaded, failed, failures, samples },
  residentSlope: slope() ?? null,
  ...more,
});
// Written after each sample, so that a run that is interrupted leaves its samples.
function save(more?: object): void {
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result(more), null, 1)}\n`);
}

let promoting = true;
/** Whether a release is late: in the last quarter of its share of the requests it does not serve yet. Happens in short runs. */
const isReleaseLate = () => promoting && reloaded < Math.floor((started * reloads) / requests + 0.25);

async function client(): Promise<void> {
  while (started < requests && failed <= mostFailures) {
    if (isReleaseLate()) {
      await delay(20);
      continue;
    }
    const number = started++;
    const { film, query } = mix(number);
    const body = distinctFilm(film.body, film.mediaType, number);
    try {
      const { status, answer } = await post(`${service.url}/v1/readings?${query}`, body, film.mediaType);
      const difference = differenceOf(film, query, status, answer.toString());
      if (difference !== undefined) fail(`${film.name} ${query}: ${difference}`);
    } catch (error) {
      fail(`${film.name} ${query}: ${messageOf(error)}`);
      // The supervisor needs a moment to start the server again.
      await delay(1000);
    }
    if (++answered % every === 0) sample();
  }
}

/** How long a promoted release may take until it serves. */
const reloadMs = 120_000;

/** Promote releases, each in the middle of its share of the requests. The next one is published in advance. */
async function promoter(): Promise<void> {
  for (let release = 1; release <= reloads && failed <= mostFailures; release++) {
    await releases.publish(release);
    while (answered < ((release - 0.5) * requests) / reloads && failed <= mostFailures) await delay(50);
    await releases.promote();
    const due = performance.now() + reloadMs;
    for (;;) {
      const { digest }: View = await get('/v1/catalog');
      if (!promoted.has(digest)) {
        promoted.add(digest);
        reloaded++;
        break;
      }
      if (performance.now() > due)
        return fail(`release ${release} does not serve ${reloadMs / 1000} s after its promotion`);
      await delay(250);
    }
  }
}

/** Entries of the log at the level error or above, and restarts of the server by its supervisor. */
async function logErrors(): Promise<number> {
  let errors = 0;
  for await (const text of createInterface({ input: createReadStream(join(data, 'log')) }))
    if (/^\{"level":[56]0/.test(text) || text.startsWith('alara: ')) {
      errors++;
      if (errors <= 5) console.log(text);
    }
  return errors;
}

const before = { storeMb: storeMb(), residentMb: residentMb(service.pid) };
console.log(
  `${result().machine}, Node ${process.version}, ${startedOn}; ${clients} clients, ${read.length} films, ${queries.length} queries, each ${refusedEvery}th request is refused.`,
);
console.log(`Resident ${before.residentMb.toFixed(0)} MB when ready.`);
line(columns);
const promotions = promoter()
  .catch((error: unknown) => fail(`a promotion: ${messageOf(error)}`))
  .finally(() => {
    promoting = false;
  });
await Promise.all([...Array.from({ length: clients }, client), promotions]);

for (const catalog of answering) if (!promoted.has(catalog)) fail(`a reading of ${catalog}, which was never promoted`);
const after = { storeMb: storeMb() };
await stopService(service);
const errors = await logErrors();
const kbPerReading = (1000 * (after.storeMb - before.storeMb)) / readings;
const summary = {
  ...{ residentMbWhenReady: round(before.residentMb, 0), catalogsOfAnswers: answering.size, errorsInLog: errors },
  store: { beforeMb: round(before.storeMb), afterMb: round(after.storeMb), kbPerReading: round(kbPerReading) },
};
save(summary);

const { slope: rate, low, high } = slope() ?? {};
const signed = (value = 0) => `${value < 0 ? '' : '+'}${value.toFixed(1)}`;
console.log(
  rate === undefined
    ? 'Too few lines for a slope of the memory.'
    : `Resident memory in the second half: ${signed(rate)} MB per 10 000 requests (95 %: ${signed(low)} to ${signed(high)}).`,
);
console.log(
  `Store: ${before.storeMb.toFixed(1)} MB before, ${after.storeMb.toFixed(1)} MB after ${readings} readings, ${kbPerReading.toFixed(1)} kB per reading. Readings are kept, so the store grows; this is not memory.`,
);
console.log(
  `${answered} answers, ${readings} of them readings; ${reloaded} reloads, ${answering.size} catalogs in the answers; ${errors} errors in the log; ${failed} failed requests.`,
);
for (const failure of failures) console.log(`Failed: ${failure}`);
rmSync(folder, { recursive: true });
process.exit(failed > 0 || errors > 0 || reloaded < reloads || answered < requests ? 1 : 0);
