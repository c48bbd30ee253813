import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import sharp from 'sharp';
import { expect, onTestFinished } from 'vitest';
import { alara, folder, serve, until } from '../support/cli.ts';
import { chest } from '../support/dicom/film.ts';
import { chestDataset } from '../support/dicom/instance.ts';
import { part10 } from '../support/dicom/part10.ts';
import { openReceiver, type Receiver } from '../support/webhook-receiver.ts';

/** The generators, with packages of their own: `npm run pretest:long` installs them. */
export const generators = resolve('test/clients/node_modules');
export const python = resolve('test/clients/.venv/bin');

export type Workplace = {
  readonly url: string;
  readonly key: string;
  readonly receiver: Receiver;
  /** Has the served document, a 12-bit DICOM film (read with 16 bits) and an image that is too small. */
  readonly folder: string;
  readonly document: string;
};

/** A running service, its OpenAPI document, and films. */
export async function openWorkplace(): Promise<Workplace> {
  const data = folder();
  const receiver = await openReceiver();
  onTestFinished(() => receiver.close());
  const created = await alara(['keys', 'create', '--tenant', 'clinic', '--scopes', 'readings,jobs'], {
    ALARA_DATA: data,
  });
  await alara(['webhooks', 'allow', 'clinic', receiver.host], { ALARA_DATA: data });
  const { url } = await serve({ ALARA_DATA: data });
  const place = folder();
  const document = join(place, 'openapi.json');
  writeFileSync(document, await (await fetch(`${url}/openapi.json`)).text());
  writeFileSync(join(place, 'film.dcm'), part10(chestDataset(await chest({ columns: 512, rows: 512, bits: 12 }))));
  writeFileSync(join(place, 'tiny.png'), await sharp('test/films/00000442_000.png').resize(50, 50).png().toBuffer());
  return { url, key: created.stdout.trim(), receiver, folder: place, document };
}

/** Run a program of a generator. Its output is in the message of the error. */
export function run(command: string, args: readonly string[], { cwd, ...environment }: Record<string, string>): string {
  try {
    return execFileSync(command, [...args], {
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, ...environment },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  }
}

/** Generate a client, compile it and its program strictly, and bundle the program for Node.js. */
export async function compile(program: string, { folder: place }: Workplace, generate: () => void): Promise<string> {
  copyFileSync(join('test/clients/programs', program), join(place, program));
  symlinkSync(generators, join(place, 'node_modules'));
  writeFileSync(join(place, 'package.json'), '{ "type": "module" }');
  generate();
  const compilerOptions = {
    ...{ strict: true, noUncheckedIndexedAccess: true, noEmit: true },
    ...{ target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: ['node'], skipLibCheck: false },
    ...{ module: 'preserve', moduleResolution: 'bundler' },
  };
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  run(process.execPath, [join(generators, 'typescript/bin/tsc'), '-p', place], {});
  const outfile = join(place, 'program.js');
  await build({ entryPoints: [join(place, program)], outfile, bundle: true, platform: 'node', format: 'esm' });
  return outfile;
}

/** Run a program against the service, and check what it saw: a 16-bit film, equal ids, a job with its webhook, a typed error. */
export async function checkProgram(command: string, program: string, workplace: Workplace): Promise<void> {
  const { url, key, receiver, folder: cwd } = workplace;
  const child = spawn(command, [program, url, `http://${receiver.host}/hook`, key], { cwd });
  onTestFinished(() => void child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const [code] = await once(child, 'close');
  expect([code, output]).toEqual([0, expect.stringMatching(/^\{.*\}\n$/)]);
  const seen = JSON.parse(output);
  expect(seen).toEqual({
    bits: 16,
    same: true,
    low: expect.any(Number),
    high: expect.any(Number),
    state: 'done',
    outcome: { reading: expect.stringMatching(/^rd_[0-9a-f]{64}$/) },
    typed: { shortSide: 50, floor: expect.any(Number) },
  });
  await until(() => receiver.hooks.length > 0);
  expect(JSON.parse(receiver.hooks[0]?.body ?? '')).toMatchObject({
    type: 'job.finished',
    data: { job: { state: 'done', outcomes: [seen.outcome] } },
  });
}
