/**
 * Decoding time and memory per transfer syntax, as a table for the docs: node test/bench/syntaxes.ts. The film has the size of
 * a flat detector, with 12 bits if the syntax allows it. Each syntax runs in a new process. The film is decoded in full size, for
 * 512 px and for 256 px in turns.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus as processors, tmpdir } from 'node:os';
import { join } from 'node:path';
import { px } from '../../functions/core/units.ts';
import { decodeDicom } from '../../functions/decode/dicom/decode.ts';
import { cpus } from '../../functions/platform/cpus.ts';
import { encoders } from '../support/dicom/encoders.ts';
import { chest } from '../support/dicom/film.ts';

const rounds = 5;
const size = { columns: 2500, rows: 3056 };

/** What the film is decoded for: the full size, or the resolution of a model. */
const purposes = [undefined, [px(512)], [px(256)]];

/** Processor times in milliseconds: of the first decode, and the medians per purpose. */
type Cost = { readonly firstMs: number; readonly medianMs: readonly number[]; readonly grownMb: number };

/** Decode a file several times. The memory is the increase from before the first time to the peak. */
async function measure(path: string): Promise<Cost> {
  const file = new Uint8Array(readFileSync(path));
  const before = process.memoryUsage.rss();
  const times: number[][] = purposes.map(() => []);
  for (let i = 0; i < rounds; i++)
    for (const [purpose, sides] of purposes.entries()) {
      const start = process.cpuUsage();
      const result = await decodeDicom(file, { sides });
      if (!result.ok) throw new Error(JSON.stringify(result.fault));
      const { user, system } = process.cpuUsage(start);
      times[purpose]?.push((user + system) / 1000);
    }
  return {
    firstMs: times[0]?.[0] ?? Number.NaN,
    medianMs: times.map((own) => own.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN),
    // The unit is kilobytes on every platform.
    grownMb: (process.resourceUsage().maxRSS * 1024 - before) / 1e6,
  };
}

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'alara-bench-'));
  const date = new Date().toISOString().slice(0, 10);
  console.log(`${date}, ${processors()[0]?.model}, ${cpus()} processors, Node ${process.version}.`);
  console.log(
    `One chest film of ${size.columns} x ${size.rows}; processor time, median of ${rounds} decodes in one thread; memory beyond a process that holds the file.\n`,
  );
  console.log(
    '| transfer syntax | UID | bits | file, MB | first, ms | full size, ms | for 512 px, ms | for 256 px, ms | peak memory, MB |',
  );
  console.log('|---|---|---:|---:|---:|---:|---:|---:|---:|');
  const films = { 8: await chest({ ...size, bits: 8 }), 12: await chest({ ...size, bits: 12 }) };
  const seen = new Set<string>();
  for (const { name, transferSyntax, depths, encode } of encoders) {
    const bits = depths.some((depth) => depth.bits === 12) ? 12 : 8;
    if (seen.has(transferSyntax + bits)) continue;
    seen.add(transferSyntax + bits);
    const path = join(folder, 'film.dcm');
    const file = encode(films[bits]);
    writeFileSync(path, file);
    const said = execFileSync(process.execPath, [import.meta.filename, path], { encoding: 'utf8' });
    const { firstMs, medianMs, grownMb } = JSON.parse(said) as Cost;
    const whole = [firstMs, ...medianMs, grownMb].map((number) => number.toFixed(0));
    console.log(`| ${name} | ${transferSyntax} | ${bits} | ${(file.length / 1e6).toFixed(1)} | ${whole.join(' | ')} |`);
  }
  rmSync(folder, { recursive: true });
}

const [path] = process.argv.slice(2);
if (path) console.log(JSON.stringify(await measure(path)));
else await compare();
