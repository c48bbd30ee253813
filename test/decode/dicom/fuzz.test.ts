import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { advice } from '../../../functions/core/fault-status.ts';
import { corpus } from '../../support/dicom/corpus.ts';
import { openDicomReader } from '../../support/dicom/engine.ts';
import { chest } from '../../support/dicom/film.ts';
import type { Report } from '../../support/dicom/fuzz.ts';
import { chestDataset } from '../../support/dicom/instance.ts';
import { kinds, mutate } from '../../support/dicom/mutate.ts';
import { part10 } from '../../support/dicom/part10.ts';
import { has, install } from '../../support/dicom/tools.ts';
import { runs } from '../../support/runs.ts';

/** The long suite runs more than the target of 20 000. FUZZ_COUNT sets the number, FUZZ_SEED the first seed. */
const count = Number(process.env['FUZZ_COUNT'] ?? runs(300, 20_500));
const first = Number(process.env['FUZZ_SEED'] ?? 1);
/** The number of files for a thread with its model, which takes longer. */
const inEngine = Math.min(count, runs(20, 400));
/** Time limit of a file: in processor time, which also grows on a busy machine, and in wall time. */
const hangMs = 10_000;
const stalledMs = 60_000;
/** The programs that create the seed files. */
const startMs = 120_000;
const notYet = 'none yet';
/** Limit on the growth of the process: two copies of the largest film in words, and the codec's memory. */
const grownMb = 500;

/** Run seeds in a child process. Reports the seed of a hang or a crash. */
async function run(first: number, count: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'alara-fuzz-'));
  const progress = join(folder, 'seed');
  const child = spawn(process.execPath, ['test/support/dicom/fuzz-child.ts', String(first), String(count), progress], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  let [said, complaint] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-4000);
  });
  const seed = () => {
    try {
      return readFileSync(progress, 'utf8').trim() || notYet;
    } catch {
      return notYet;
    }
  };
  let [last, since] = [notYet, performance.now()];
  let hung = false;
  const watchdog = setInterval(() => {
    const now = seed();
    if (now !== last) [last, since] = [now, performance.now()];
    hung = performance.now() - since > (last === notYet ? startMs : stalledMs);
    if (hung) child.kill('SIGKILL');
  }, 250);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.once('close', (...ended) => resolve(ended)),
  );
  clearInterval(watchdog);
  if (hung) throw new Error(`seed ${seed()} hung`);
  if (code !== 0) throw new Error(`seed ${seed()} ended the process: ${signal ?? code} ${complaint}`);
  return JSON.parse(said) as Report;
}

describe.skipIf(!has('dcmconv', 'opj_compress', 'ojph_compress'))(`damaged files (${install})`, () => {
  test(`${count} of them end as a film or with a clear refusal`, { timeout: 600_000 }, async () => {
    const half = Math.floor(count / 2);
    const reports = await Promise.all([run(first, half), run(first + half, count - half)]);
    let [ended, read] = [0, 0];
    for (const report of reports) {
      expect(report.problems).toEqual([]);
      expect(report.slowest.ms, `seed ${report.slowest.seed}`).toBeLessThan(hangMs);
      expect(report.grownMb).toBeLessThan(grownMb);
      ended += Object.values(report.outcomes).reduce((sum, n) => sum + n);
      read += report.outcomes['read'] ?? 0;
    }
    expect(ended).toBe(count);
    // Damage that is always or never refused tests nothing.
    expect(read).toBeGreaterThan(count / 10);
    expect(read).toBeLessThan((9 * count) / 10);
  });

  test(`${inEngine} of them end in the same way in the engine, within its deadline`, {
    timeout: 300_000,
  }, async () => {
    const reader = await openDicomReader(stalledMs);
    onTestFinished(() => reader.close());
    const subjects = await corpus();
    const good = part10(chestDataset(await chest({ columns: 400, rows: 420, bits: 12 })));
    const quick = { findings: ['Effusion'], variant: 'r256-int8' };
    const answer = await reader.read(good, quick);
    const held = process.memoryUsage.rss();
    let peak = held;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 5);
    onTestFinished(() => clearInterval(watch));
    for (let seed = first; seed < first + inEngine; seed++) {
      const { bytes, from, by } = mutate(seed, subjects);
      const result = await reader.read(bytes, quick);
      const status = result.ok ? 200 : advice[result.fault.code].status;
      expect.soft(status, `seed ${seed}, ${from}, ${by}: ${JSON.stringify(result)}`).toBeLessThan(500);
    }
    expect((peak - held) / 1e6).toBeLessThan(grownMb);
    const again = await reader.read(good, quick);
    if (!answer.ok || !again.ok) throw new Error('a good film is read');
    expect(again.value.reading.findings).toEqual(answer.value.reading.findings);
  });

  test('are equal for equal seeds, of every kind and from every file', async () => {
    const subjects = await corpus();
    const made = Array.from({ length: 3000 }, (_, seed) => mutate(seed, subjects));
    expect(new Set(made.flatMap(({ by }) => by.split(', ')))).toEqual(new Set(kinds));
    expect(new Set(made.map(({ from }) => from)).size).toBe(subjects.length);
    const again = await corpus();
    for (const seed of [0, 7, 2999]) expect(mutate(seed, again)).toEqual(made[seed]);
  });
});
