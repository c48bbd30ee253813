/** Overhead of a reading over the bare model: npm run bench. All measurements are interleaved in one run. */
import '../../functions/platform/no-telemetry.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { cpus as processors, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { openRouter } from '../../functions/inference/router.ts';
import { runtimeOptions } from '../../functions/inference/session.ts';
import { readConfig } from '../../functions/platform/config.ts';
import { cpus } from '../../functions/platform/cpus.ts';

const rounds = 20;
const config = readConfig({ ALARA_DATA: mkdtempSync(join(tmpdir(), 'alara-bench-')) });
const { family } = openRouter(config);
const film = readFileSync('test/films/00000442_000.png');

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const round = (value: number, digits = 1) => Number(value.toFixed(digits));
async function time(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

let sent = 0;
/** The film with trailing bytes: the same pixels, never answered from the store. */
const freshFilm = () => Buffer.concat([film, Buffer.from(String(++sent))]);

async function startService(): Promise<{ child: ChildProcess; url: string; startMs: number }> {
  const start = performance.now();
  const child = spawn(process.execPath, ['functions/cli/main.ts', 'serve'], {
    env: { ...process.env, PORT: '0', ALARA_DATA: config.data, ALARA_LOG: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the service stopped with ${code}`)));
    child.stdout?.on('data', (chunk) => {
      const found = /http:\/\/[\d.]+:\d+/.exec(String(chunk));
      if (found) resolve(found[0]);
    });
  });
  while (!(await fetch(`${url}/health/ready`)).ok) await new Promise((done) => setTimeout(done, 20));
  return { child, url, startMs: performance.now() - start };
}

/** Resident memory of a process and its children, in MB (Linux). */
function residentMb(pid: number): number {
  const own = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return Number(own) / 1000 + children.reduce((sum, child) => sum + residentMb(child), 0);
}

const { child, url, startMs } = await startService();
const pid = child.pid ?? 0;
const readyMb = residentMb(pid);
async function read(query: string): Promise<void> {
  const response = await fetch(`${url}/v1/readings${query}`, {
    method: 'POST',
    headers: { 'content-type': 'image/png' },
    body: freshFilm(),
  });
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
}

const variants = await Promise.all(
  family.catalog.variants.map(async ({ id, file, resolution }) => {
    const session = await InferenceSession.create(join(family.folder, file), runtimeOptions('cpu', config.threads));
    const input = new Tensor('float32', new Float32Array(resolution ** 2), [1, 1, resolution, resolution]);
    return { id, run: () => session.run({ film: input }), raw: [] as number[], whole: [] as number[] };
  }),
);
for (const { id, run } of variants) {
  await run();
  await read(`?variant=${id}`);
}
for (let i = 0; i < rounds; i++)
  for (const { id, run, raw, whole } of variants) {
    raw.push(await time(run));
    whole.push(await time(() => read(`?variant=${id}`)));
  }

console.log(
  `${processors()[0]?.model}, ${cpus()} processors, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
console.log(
  `One 1024 px PNG, ${film.length} bytes; medians of ${rounds}, interleaved; one thread a run, one request at a time.\n`,
);
console.table(
  variants.map(({ id, raw, whole }) => ({
    variant: id,
    'ONNX Runtime ms': round(median(raw)),
    'whole request ms': round(median(whole)),
    'over the model ms': round(median(whole) - median(raw)),
    ratio: round(median(whole) / median(raw), 2),
  })),
);

const films = 100;
const lanes = config.workers * 2;
const policies = Object.keys(family.policies);
for (const policy of policies) {
  const seconds =
    (await time(async () => {
      let left = films;
      await Promise.all(
        Array.from({ length: lanes }, async () => {
          while (left-- > 0) await read(`?policy=${policy}`);
        }),
      );
    })) / 1000;
  console.log(
    `${policy}, all findings: ${round(films / seconds)} films/s (${lanes} at a time, ${config.workers} workers)`,
  );
}
console.log(
  `ready ${round(startMs / 1000, 2)} s after start; resident ${round(readyMb, 0)} MB when ready, ${round(residentMb(pid), 0)} MB after ${sent} films`,
);
child.kill('SIGTERM');
