/** Alara beside other inference servers over the same model files: npm run bench -- peers --help. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, cpus as processors, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { contain } from '../../../functions/core/film.ts';
import { px } from '../../../functions/core/units.ts';
import { decode } from '../../../functions/decode/decode.ts';
import { resize } from '../../../functions/decode/resize.ts';
import { openRouter } from '../../../functions/inference/router.ts';
import { createSessions } from '../../../functions/inference/session.ts';
import { readConfig } from '../../../functions/platform/config.ts';
import { cpus } from '../../../functions/platform/cpus.ts';
import { letterbox, normalise } from '../../../functions/reading/preprocess.ts';
import { type BenchFilm, writeFilm } from '../films.ts';
import type { Load } from './load.ts';
import { groupCpuMs, groupMb } from './process-group.ts';
import { install, type Server, serverNames, startServer, workers } from './servers.ts';
import { type Answer, type Summary, summarise } from './statistics.ts';

const { values: options } = parseArgs({
  options: {
    servers: { type: 'string', default: serverNames.join(',') },
    variants: { type: 'string' },
    clients: { type: 'string', default: '1,4,16,64' },
    rates: { type: 'string' },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    deadline: { type: 'string', default: '1000' },
    format: { type: 'string', default: 'PNG' },
    seed: { type: 'string', default: '1' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    figure: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench -- peers [--quick] [--servers ${serverNames.map((name) => name.replace(' ', '\\ '))}]
  [--variants r256-int8,r512-int8] [--clients 1,4,16,64 (closed loop)]
  [--rates 0.5,0.8,1.2 (open loop, as shares of the films/s of the fastest server in the closed loop)]
  [--seconds 2 (per measurement)] [--rounds 2] [--deadline 1000 (ms)] [--format PNG|JPEG] [--seed 1]
  [--json FILE] [--figure FILE.svg]
The servers are installed at the first run, each in a Python environment of its own. --quick: one variant, one round.`);
  process.exit();
}

const list = (text: string) => text.split(',').filter(Boolean);
const data = mkdtempSync(join(tmpdir(), 'alara-peers-'));
const { family } = openRouter(readConfig({ ALARA_DATA: data }));
const int8 = family.catalog.variants.filter(({ precision }) => precision === 'int8').map(({ id }) => id);
const variants = list(options.variants ?? (options.quick ? int8.slice(-1) : [int8[0], int8.at(-1)]).join(','));
const clients = list(options.clients).map(Number);
const rates = list(options.rates ?? (options.quick ? '0.8' : '0.5,0.8,1.2')).map(Number);
const seconds = Number(options.seconds ?? (options.quick ? 1.5 : 2));
const rounds = Number(options.rounds ?? (options.quick ? 1 : 2));
const deadlineMs = Number(options.deadline);
const film = (await writeFilm(options.format, 1024)) ?? fail(`no encoder for ${options.format}`);

function fail(problem: string): never {
  throw new Error(problem);
}

/** The logits of Alara's own stages for the film. */
async function ownLogits(id: string, { path, mediaType }: BenchFilm): Promise<number[]> {
  const variant = family.catalog.variants.find((each) => each.id === id) ?? fail(`no variant ${id}`);
  const decoded = await decode(new Uint8Array(readFileSync(path)), mediaType);
  if (!decoded.ok) fail(decoded.fault.code);
  const side = px(variant.resolution);
  const square = letterbox(await resize(decoded.value.film, contain(decoded.value.film, side)), side);
  const output = await createSessions({ family, device: 'cpu', threads: 1 }).infer(
    variant,
    normalise(square, variant.input),
  );
  return output.ok ? [...output.value.logits] : fail(output.fault.code);
}

/** The logits in the answer of a peer; MLServer wraps them. Undefined for Alara, which answers with probabilities. */
function logitsOf(answer: unknown): number[] | undefined {
  const { logits, outputs } = answer as { logits?: number[]; outputs?: { data: number[] }[] };
  return logits ?? outputs?.[0]?.data;
}

/** Pillow and libvips round resized pixels differently, so the logits differ a little. */
const mostDifference = 0.1;

const differenceOf = (logits: readonly number[] | undefined, expected: readonly number[]) =>
  logits && Math.max(...expected.map((own, i) => Math.abs(own - (logits[i] ?? Number.POSITIVE_INFINITY))));

// The load generator gets the last processor for itself, where there are enough.
const apart = cpus() > 2;
if (apart) execFileSync('taskset', ['-a', '-p', '-c', `0-${cpus() - 2}`, `${process.pid}`], { stdio: 'ignore' });
const generator = fork(join(import.meta.dirname, 'load.ts'), apart ? [`${cpus() - 1}`] : []);
await once(generator, 'message');
let films = 1;

async function measure(
  server: Server,
  load: Omit<Load, 'url' | 'encoding' | 'film' | 'status' | 'seconds' | 'firstFilm'>,
) {
  const { url, encoding, status } = server;
  const before = groupCpuMs(server.pid);
  generator.send({ ...load, url, encoding, film, status, seconds, firstFilm: films } as Load);
  const [answers] = (await once(generator, 'message')) as [Answer[]];
  films += answers.length;
  // Work after the answer counts too.
  await delay(50);
  return { answers, cpuMs: groupCpuMs(server.pid) - before };
}

type Row = { readonly server: string; readonly variant: string; readonly load: string } & Summary;
const rows: Row[] = [];
const servers: Record<string, unknown>[] = [];
const notMeasured: { server: string; variant?: string; reason: string }[] = [];
const installed = list(options.servers).filter((name) => {
  if (!serverNames.includes(name)) fail(`no server ${name}. Known: ${serverNames.join(', ')}.`);
  const reason = install(name);
  if (reason) notMeasured.push({ server: name, reason });
  return !reason;
});
const loadBefore = loadavg();

for (const variant of variants) {
  const expected = await ownLogits(variant, film);
  const running: Server[] = [];
  for (const name of installed)
    try {
      const server = await startServer(name, { variant, family: resolve(family.folder), deadlineMs, film, data });
      running.push(server);
      const difference = differenceOf(logitsOf(server.answer), expected);
      if (difference === undefined || difference <= mostDifference) continue;
      await running.pop()?.stop();
      fail(
        `its logits differ from Alara's by up to ${difference}, more than ${mostDifference}: not the same pixels or kernels`,
      );
    } catch (error) {
      notMeasured.push({ server: name, variant, reason: error instanceof Error ? error.message : String(error) });
    }
  // Each worker loads its model and compiles its code before the first measurement.
  for (const server of running) await measure(server, { kind: 'closed', clients: 2 * workers } as Load);

  /** All servers under one load, in turns. The order rotates with the round. */
  async function turns(name: string, load: (round: number) => object) {
    const all = new Map(running.map((server) => [server, { answers: [] as Answer[], cpuMs: 0 }]));
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < running.length; i++) {
        const server = running[(i + round) % running.length];
        const sum = server && all.get(server);
        if (!server || !sum) continue;
        const { answers, cpuMs } = await measure(server, load(round) as Load);
        sum.answers.push(...answers);
        sum.cpuMs += cpuMs;
      }
    for (const [{ name: server }, { answers, cpuMs }] of all)
      rows.push({ server, variant, load: name, ...summarise(answers, rounds * seconds, deadlineMs, cpuMs) });
  }
  for (const count of clients)
    await turns(count === 1 ? '1 client' : `${count} clients`, () => ({ kind: 'closed', clients: count }));
  const fastest = Math.max(
    ...rows.filter((row) => row.variant === variant).map(({ filmsPerSecond }) => filmsPerSecond),
  );
  for (const share of rates) {
    const perSecond = share * fastest;
    await turns(`${perSecond.toFixed(0)} films/s`, (round) => ({
      kind: 'open',
      perSecond,
      seed: Number(options.seed) + round,
    }));
  }

  const idle = running.map(({ pid }) => groupCpuMs(pid));
  await delay(2000);
  running.forEach(({ name, pid, startMs, answer }, i) => {
    const difference = differenceOf(logitsOf(answer), expected);
    servers.push({
      server: name,
      variant,
      'start to first answer, ms': Math.round(startMs),
      'memory (PSS), MB': Math.round(groupMb(pid)),
      'idle, CPU ms per s': Math.round((groupCpuMs(pid) - (idle[i] ?? 0)) / 2),
      'largest difference of a logit': difference === undefined ? null : Number(difference.toPrecision(2)),
    });
  });
  for (const server of running) await server.stop();
}
generator.disconnect();
rmSync(data, { recursive: true, maxRetries: 5 });
rmSync(join(film.path, '..'), { recursive: true });

const result = {
  machine: `${processors()[0]?.model}, ${cpus()} processors`,
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  loadAverage: { before: loadBefore[0], after: loadavg()[0] },
  generator: apart
    ? `on processor ${cpus() - 1}, the servers on the others`
    : 'on the processors of the servers: the machine has only two',
  film: `${film.format}, ${film.size} px, ${film.bytes} bytes`,
  ...{ workers, seconds, rounds, deadlineMs, servers, rows, notMeasured },
};
const digits = (value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(3)) : value);
console.log(
  `${result.machine}, Node ${result.node}, ${result.date}. Load average ${loadBefore[0]?.toFixed(1)} before, ${loadavg()[0]?.toFixed(1)} after.`,
);
console.log(
  `${result.film}; ${workers} workers with one thread each; ${rounds} rounds of ${seconds} s; deadline ${deadlineMs} ms. The load generator runs ${result.generator}.`,
);
console.log('Only ratios within this run are meaningful. On a loaded machine, compare the CPU ms per film only.');
console.table(servers);
console.table(rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, digits(value)]))));
for (const { server, variant, reason } of notMeasured)
  console.log(`Not measured: ${server}${variant ? ` with ${variant}` : ''}: ${reason}`);
if (options.json) writeFileSync(options.json, `${JSON.stringify(result, null, 1)}\n`);
if (options.figure) {
  const json = options.json ?? fail('--figure needs --json');
  const environment = { ...process.env, PYTHONPATH: 'training' };
  execFileSync('.venv/bin/python', [join(import.meta.dirname, 'figure.py'), json, options.figure], {
    stdio: 'inherit',
    env: environment,
  });
}
