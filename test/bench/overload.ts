/**
 * Goodput and lateness under overload: `npx node test/bench/overload.ts [deadline in ms]`. The service runs on processor 0, and the
 * load generator, this process, runs on processor 1 (taskset), so that they do not compete. On a busy machine only the films per
 * second of processor time are meaningful. On a quiet machine they equal the films per second.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const deadlineMs = Number(process.argv[2] ?? 10_000);
const seconds = 20;
execFileSync('taskset', ['-a', '-p', '-c', '1', String(process.pid)], { stdio: 'ignore' });

const data = mkdtempSync(join(tmpdir(), 'alara-overload-'));
const settings = {
  PORT: '0',
  ALARA_DATA: data,
  ALARA_LOG: 'error',
  ALARA_WORKERS: '1',
  ALARA_DEADLINE_MS: `${deadlineMs}`,
};
const service = spawn('taskset', ['-c', '0', process.execPath, 'functions/cli/main.ts', 'serve'], {
  env: { ...process.env, ...settings },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise<string>((resolve, reject) => {
  service.once('exit', (code) => reject(new Error(`the service stopped with ${code}`)));
  service.stdout.on('data', (chunk) => {
    const found = /http:\/\/[\d.]+:\d+/.exec(String(chunk));
    if (found) resolve(found[0]);
  });
});
while (!(await fetch(`${url}/health/ready`)).ok) await delay(50);

const film = readFileSync('test/films/nih_00000442_000.jpg');
const agent = new Agent({ keepAlive: true, maxSockets: 4000 });
let sent = 0;
type Answer = { readonly status: number; readonly ms: number; readonly at: number };
const post = () =>
  new Promise<Answer>((resolve) => {
    const start = performance.now();
    const ended = (status: number) => resolve({ status, ms: performance.now() - start, at: performance.now() });
    // Trailing bytes of a film: the same pixels, never answered from the store.
    const body = Buffer.concat([film, Buffer.from(String(++sent))]);
    const headers = { 'content-type': 'image/jpeg', 'content-length': body.length };
    request(`${url}/v1/readings`, { method: 'POST', agent, headers }, (answer) => {
      answer.resume().once('end', () => ended(answer.statusCode ?? 0));
    })
      .on('error', () => ended(0))
      .end(body);
  });

/** Four concurrent requests, each followed by the next: the maximum rate of the service. */
async function saturated(): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let read = 0;
  const lane = async () => {
    while (performance.now() < end) if ((await post()).status === 201) read++;
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return read / seconds;
}

/** Requests at a fixed rate, independent of the previous answers. */
async function offered(perSecond: number) {
  const start = performance.now();
  const answers: Promise<Answer>[] = [];
  while (performance.now() - start < seconds * 1000) {
    while (answers.length < ((performance.now() - start) / 1000) * perSecond) answers.push(post());
    await delay(2);
  }
  const end = performance.now();
  const after = processorTime();
  return { end, after, answers: await Promise.all(answers) };
}

const child = readFileSync(`/proc/${service.pid}/task/${service.pid}/children`, 'utf8').trim().split(' ')[0];
/** Processor time of the service so far, in seconds: of all threads, and of the thread that serves HTTP. */
function processorTime() {
  const secondsOf = (thread: string | undefined) => {
    const fields = readFileSync(`/proc/${child}/task/${thread}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  };
  const all = readdirSync(`/proc/${child}/task`).reduce((sum, thread) => sum + secondsOf(thread), 0);
  return { all, http: secondsOf(child) };
}

await saturated();
const before = processorTime();
const most = await saturated();
const between = processorTime();
const { end, answers, after } = await offered(10 * most);
const read = answers.filter(({ status, at }) => status === 201 && at <= end);
const worstMs = Math.max(...answers.map(({ ms }) => ms));
const byStatus = Object.fromEntries(
  Map.groupBy(answers, ({ status }) => status)
    .entries()
    .map(([status, of]) => [status, of.length]),
);
console.log(
  `at most ${most.toFixed(1)} films/s; at ten times that load ${(read.length / seconds).toFixed(1)} films/s, ${Math.round((100 * read.length) / seconds / most)} %`,
);
console.log(
  `answers by status: ${JSON.stringify(byStatus)}; the slowest after ${Math.round(worstMs)} ms, of a deadline of ${deadlineMs} ms`,
);
const [atMost, overloaded] = [between.all - before.all, after.all - between.all];
const ratio = read.length / overloaded / ((most * seconds) / atMost);
const refused = answers.filter(({ status }) => status === 503).length;
const [httpMs, baseMs] = [after.http - between.http, between.http - before.http].map((time) => 1000 * time);
const refusalMs = ((httpMs ?? 0) - ((baseMs ?? 0) / (most * seconds)) * read.length) / refused;
console.log(
  `per second of processor time ${((most * seconds) / atMost).toFixed(1)} films at most, ${(read.length / overloaded).toFixed(1)} at ten times that load, ${Math.round(100 * ratio)} %; ${refusalMs.toFixed(2)} ms per refusal`,
);
const stopped = new Promise((resolve) => service.once('exit', resolve));
service.kill('SIGTERM');
await stopped;
agent.destroy();
rmSync(data, { recursive: true });
