import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { decode } from '../../../functions/decode/decode.ts';
import { distinctFilm } from './distinct-film.ts';
import { encodeFilm, run } from './load.ts';
import { groupCpuMs, groupMb, processesOf } from './process-group.ts';
import { percentile, poissonArrivals, summarise } from './statistics.ts';

test('a percentile is the least value that at least this share of the values do not exceed', () => {
  const values = [50, 15, 40, 20, 35];
  expect([0, 0.05, 0.3, 0.4, 0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([
    15, 15, 20, 20, 35, 50, 50,
  ]);
  expect(percentile([], 0.5)).toBeNaN();
});

test('arrivals are a Poisson process with one list per seed', () => {
  const arrivals = poissonArrivals(200, 100, 7);
  expect(arrivals).toEqual(poissonArrivals(200, 100, 7));
  expect(arrivals).not.toEqual(poissonArrivals(200, 100, 8));
  // 20,000 arrivals are expected, with a standard deviation of 141.
  expect(Math.abs(arrivals.length - 20_000)).toBeLessThan(600);
  expect(arrivals.at(-1)).toBeLessThan(100_000);
  const gaps = arrivals.map((at, i) => at - (arrivals[i - 1] ?? 0));
  const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
  expect(mean).toBeCloseTo(5, 0);
  // Exponential gaps: the standard deviation equals the mean, 1/e of the gaps exceed it, and neighbours are independent.
  const deviations = gaps.map((gap) => gap - mean);
  const variance = deviations.reduce((sum, each) => sum + each ** 2, 0) / gaps.length;
  expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1);
  expect(gaps.filter((gap) => gap > mean).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  const covariance = deviations.reduce((sum, each, i) => sum + each * (deviations[i - 1] ?? 0), 0) / gaps.length;
  expect(Math.abs(covariance / variance)).toBeLessThan(0.05);
});

test('only good answers within the window are films, and only those within the deadline are goodput', () => {
  const answer = (ms: number, ok = true, inWindow = true) => ({ ok, ms, inWindow });
  const answers = [answer(10), answer(90), answer(200), answer(1, false), answer(50, true, false)];
  expect(summarise(answers, 2, 100, 600)).toEqual({
    ...{ requests: 5, failed: 1, filmsPerSecond: 1.5, goodputPerSecond: 1 },
    ...{ p50Ms: 50, p95Ms: 200, p99Ms: 200, cpuMsPerFilm: 150 },
  });
});

test('the processor time of a server includes children of other threads and children that have ended', async () => {
  // Each process uses 300 ms. The child of the thread lives on; the child of the main thread ends.
  const burn =
    'for (let spent = 0; spent < 300_000; ) { for (let i = 0; i < 1e6; i++); const { user, system } = process.cpuUsage(); spent = user + system; }';
  const worker = `const { spawn } = require('node:child_process');
    spawn(process.execPath, ['-e', ${JSON.stringify(`${burn} console.log('burned'); setInterval(() => {}, 1000)`)}], { stdio: ['ignore', 'inherit', 'inherit'] });`;
  const code = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(burn)}]);
    new (require('node:worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true });
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = child.pid ?? 0;
  onTestFinished(() => {
    for (const each of processesOf(pid)) process.kill(each, 'SIGKILL');
  });
  await once(child.stdout, 'data');
  expect(processesOf(pid)).toHaveLength(2);
  expect(groupCpuMs(pid)).toBeGreaterThanOrEqual(580);
  // The start of three processes takes less than this.
  expect(groupCpuMs(pid)).toBeLessThan(3000);
  const own = groupMb(pid);
  expect(own).toBeGreaterThan(20);
  expect(own).toBeLessThan(400);
});

test.each(['png', 'jpeg'] as const)(
  'numbered copies of a film (%s) differ in bytes and have the same pixels',
  async (format) => {
    const film = await sharp('test/films/00000442_000.png').resize(64).toFormat(format).toBuffer();
    const copies = [1, 2, 1].map((number) => distinctFilm(film, `image/${format}`, number));
    expect(copies[0]).not.toEqual(copies[1]);
    expect(copies[0]).toEqual(copies[2]);
    const pixels = await sharp(film).raw().toBuffer();
    // A wrong checksum or length of the text is a warning of the decoder.
    for (const copy of copies) expect(await sharp(copy, { failOn: 'warning' }).raw().toBuffer()).toEqual(pixels);
  },
);

test('numbered copies of a DICOM film differ in bytes and have the same pixels', async () => {
  const film = readFileSync('functions/api/test-films/chest-16-bit.dcm');
  const copies = [1, 2].map((number) => distinctFilm(film, 'application/dicom', number));
  expect(copies[0]).not.toEqual(copies[1]);
  const [original, ...decoded] = await Promise.all(
    [film, ...copies].map((bytes) => decode(new Uint8Array(bytes), 'application/dicom')),
  );
  if (!original?.ok) throw new Error('the film is read');
  for (const copy of decoded) expect(copy).toMatchObject({ ok: true, value: { film: original.value.film } });
});

test('a film is a body, a file of a form, or base64 in an inference request', async () => {
  const film = Buffer.from([0, 13, 10, 255]);
  expect(encodeFilm(film, 'image/png', 'body')).toEqual({ body: film, type: 'image/png' });
  const { body, type } = encodeFilm(film, 'image/png', 'multipart');
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData();
  const file = form.get('film');
  expect(file instanceof Blob && Buffer.from(await file.arrayBuffer())).toEqual(film);
  const { inputs } = JSON.parse(encodeFilm(film, 'image/png', 'v2').body.toString());
  expect(Buffer.from(inputs[0].data[0], 'base64')).toEqual(film);
});

/** A server that takes 100 ms per film, one at a time, and refuses each fourth film. */
async function slowServer() {
  let last = Promise.resolve();
  let requests = 0;
  const server = createServer((request, answer) => {
    const refused = ++requests % 4 === 0;
    request.resume();
    last = last.then(async () => {
      if (!refused) await delay(100);
      answer.writeHead(refused ? 503 : 201).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, count: () => requests };
}

test('a load reports every answer, and the time from the planned arrival', async () => {
  const path = 'test/films/nih_00000442_000.jpg';
  const film = { format: 'JPEG', size: 576, path, mediaType: 'image/jpeg', bytes: 0 };
  const common = { encoding: 'body', film, status: 201, firstFilm: 1 } as const;
  const closed = await slowServer();
  const answers = await run({ ...common, url: closed.url, kind: 'closed', clients: 3, seconds: 1 });
  expect(answers).toHaveLength(closed.count());
  expect(answers.filter(({ ok }) => !ok)).toHaveLength(Math.floor(closed.count() / 4));
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeGreaterThanOrEqual(250);
  // At most ten films fit into the second; the films that the clients wait for at its end come later.
  expect(answers.filter(({ ok, inWindow }) => ok && inWindow).length).toBeLessThanOrEqual(10);
  expect(answers.some(({ inWindow }) => !inWindow)).toBe(true);

  // Thirty films per second arrive whatever the server does, so that the last of them wait for longer than a second.
  const open = await slowServer();
  const late = await run({ ...common, url: open.url, kind: 'open', perSecond: 30, seconds: 1, seed: 3 });
  expect(late).toHaveLength(poissonArrivals(30, 1, 3).length);
  expect(Math.max(...late.map(({ ms }) => ms))).toBeGreaterThan(600);
});

test.each(['peers', 'money', 'endurance', 'gpu'])('npm run bench -- %s starts the sub-command', (name) => {
  const usage = execFileSync(process.execPath, ['test/bench/main.ts', name, '--help'], { encoding: 'utf8' });
  expect(usage).toMatch(new RegExp(`^npm run bench -- ${name} `));
});
