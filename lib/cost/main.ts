// npm run cost -- --env prod --readings 100000
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { App } from 'aws-cdk-lib';
import { loadFamily } from '../../functions/models/load.ts';
import { environmentNamed } from '../environments.ts';
import { createStacks } from '../stacks.ts';
import { estimate, parsePrices } from './estimate.ts';

const help = `npm run cost -- --env dev --readings 1000    estimates one month. It needs no AWS account.
  --findings Nodule,Effusion   findings per reading (default: all)
  --jobs 0.5                   share of readings sent as jobs
  --film-mb 6.2                size of a film
  --decode-ms 202              time to decode a film; JPEG lossless, as in docs/dicom-conformance.md.
                               It replaces decodeMs of the catalog, so no decoding counts twice.
  --gpu-ms 5                   inference time of the largest variant on your GPU, if the catalog has no measurement
  --json                       the estimate as JSON`;

const string = { type: 'string' } as const;
const numbers = { readings: string, jobs: string, 'film-mb': string, 'decode-ms': string, 'gpu-ms': string };
const flags = { json: { type: 'boolean' }, help: { type: 'boolean' } } as const;
const { values } = parseArgs({ options: { ...numbers, env: string, findings: string, ...flags } });

function number(name: keyof typeof numbers, fallback?: number): number {
  const value = values[name] === undefined ? fallback : Number(values[name] || Number.NaN);
  if (value !== undefined && value >= 0 && value <= 1e9) return value;
  throw new Error(`--${name} needs a number from 0 to 1e9.`);
}

const root = join(import.meta.dirname, '../..');
const outdir = mkdtempSync(join(tmpdir(), 'alara-cost-'));
try {
  if (values.help) console.log(help);
  else run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(outdir, { recursive: true });
}

function run(): void {
  const environment = environmentNamed(values.env ?? '');
  const readings = number('readings');
  const demand = {
    readings,
    jobs: Math.min(number('jobs', 0.5), 1),
    filmMb: number('film-mb', 6.2),
    decodeMs: number('decode-ms', 202),
    findings: (values.findings ?? '').split(',').filter(Boolean),
    ...(values['gpu-ms'] !== undefined && { gpuMs: number('gpu-ms') }),
  };
  const { context } = JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8'));
  const app = new App({ outdir, context: { ...context, 'aws:cdk:disable-asset-staging': true } });
  const stacks = Object.values(createStacks(app, environment));
  const assembly = app.synth();
  const templates = stacks.map(({ artifactId }) => assembly.getStackArtifact(artifactId).template);
  const prices = parsePrices(readFileSync(join(import.meta.dirname, 'prices.md'), 'utf8'));
  const family = loadFamily(join(root, 'models'), environment.models.family);
  const { lines, running, savings, usd, fixedUsd, unverifiedUsd } = estimate(
    environment,
    templates,
    family,
    demand,
    prices,
  );
  if (values.json) {
    console.log(JSON.stringify({ usd, fixedUsd, unverifiedUsd, lines, running, savings }, null, 2));
    return;
  }
  print(`${environment.name}: ${readings} readings per month at the prices of lib/cost/prices.md`, lines);
  console.log(`${usd.toFixed(2)} USD per month, ${fixedUsd.toFixed(2)} USD of it without any reading.`);
  console.log(
    `${unverifiedUsd.toFixed(2)} USD of it at unverified prices. ${(usd / readings).toPrecision(2)} USD per film.`,
  );
  print('Hours per month and service. freeFilms: the films for which the billed hours have time', running);
  print(`Saving of routing against always ${savings[0]?.largest}, if all readings ask for these findings`, savings);
}

/** Print a table with rounded numbers and with lists in one cell. */
function print(title: string, rows: readonly object[]): void {
  const cell = (value: unknown): unknown => {
    if (typeof value === 'number') return Number(value.toPrecision(4));
    if (Array.isArray(value) && value.length > 4) return `${value.length} of them`;
    return typeof value === 'object' && value !== null ? Object.values(value).map(cell).join(' / ') : value;
  };
  console.log(`\n${title}`);
  console.table(rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, cell(value)]))));
}
