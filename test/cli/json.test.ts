import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { allCommands } from '../../functions/cli/commands/all.ts';
import { createProgram } from '../../functions/cli/program.ts';
import { openEmbedded } from '../../functions/storage/sqlite/open-sqlite.ts';
import { alara, films, folder, until } from '../support/cli.ts';
import { retrained } from '../support/published.ts';
import { job } from '../support/storage-contract/samples.ts';

const leaves = (command: Command, path: readonly string[] = []): string[] =>
  command.commands.length === 0
    ? [path.join(' ')]
    : command.commands.flatMap((each) => leaves(each, [...path, each.name()]));

/** A command line per command, in an order in which each finds what it needs, and the form of its document. */
const lines: readonly (readonly [command: string, args: string, form: 'array' | 'object'])[] = [
  ['read', `${films[0]} --findings Nodule`, 'array'],
  ['route', '--findings Nodule', 'object'],
  ['catalog show', '', 'object'],
  ['catalog show', 'r448-int8', 'object'],
  ['catalog verify', '', 'object'],
  ['catalog measure', '--rounds 1', 'object'],
  ['catalog publish', 'STORE', 'object'],
  ['catalog promote', '--store STORE --by me --reason test', 'object'],
  ['catalog publish', 'STORE --models RETRAINED', 'object'],
  ['catalog promote', '--store STORE --by me --reason test', 'object'],
  ['catalog rollback', '--channel live --store STORE --by me --reason test', 'object'],
  ['catalog channels', '--store STORE', 'array'],
  ['catalog records', '--store STORE', 'array'],
  ['jobs ls', '', 'array'],
  ['jobs ls', '--state running', 'array'],
  ['jobs show', 'job_dead', 'object'],
  ['jobs show', 'job_dead --details', 'object'],
  ['jobs retry', 'job_dead', 'object'],
  ['jobs retry', '--all', 'object'],
  ['keys ls', '', 'array'],
  ['keys create', '--tenant clinic --scopes jobs', 'object'],
  ['keys ls', '', 'array'],
  ['keys revoke', 'KEY', 'object'],
  ['webhooks allow', 'clinic results.clinic.example', 'object'],
  ['webhooks ls', 'clinic', 'array'],
  ['webhooks rotate', 'clinic', 'object'],
  ['webhooks deny', 'clinic results.clinic.example', 'object'],
  ['webhooks ls', 'clinic', 'array'],
  ['orthanc configure', 'ORTHANC --password-file PASSWORD', 'object'],
  ['doctor', '', 'array'],
  ['completion', 'bash', 'object'],
];
const places: Record<string, string> = {};

test('--json: each command prints one document of its form on standard output, and nothing else', {
  timeout: 180_000,
}, async () => {
  const [data, store, orthanc] = [folder(), folder(), folder()];
  Object.assign(places, {
    STORE: store,
    RETRAINED: retrained(),
    ORTHANC: orthanc,
    PASSWORD: join(orthanc, 'password'),
  });
  writeFileSync(join(orthanc, 'alara.lua'), '-- the script of Alara');
  writeFileSync(join(orthanc, 'password'), 'secret');
  mkdirSync(data, { recursive: true });
  const platform = openEmbedded(data);
  await platform.jobs.create(
    job('job_dead', { state: 'dead', fault: { code: 'pacs_unavailable', problem: 'no answer' } }),
  );
  await platform.close();

  for (const [command, args, form] of lines) {
    const words = [...command.split(' '), ...args.split(' ').filter(Boolean)].map((word) => places[word] ?? word);
    const { code, stdout, stderr } = await alara([...words, '--json'], { ALARA_DATA: data });
    expect([code, stderr], words.join(' ')).toEqual([0, '']);
    const document = JSON.parse(stdout);
    expect(Array.isArray(document) ? 'array' : typeof document, words.join(' ')).toBe(form);
    if (command === 'keys create') places['KEY'] = document.id;
  }
});

test('serve --json: the document names the address, and the service answers there', async () => {
  const child = spawn(process.execPath, ['functions/cli/main.ts', 'serve', '--json'], {
    env: { ...process.env, PORT: '0', ALARA_LOG: 'silent', ALARA_DATA: folder() },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  await until(() => stdout.endsWith('}\n'));
  const { url, docs, ready } = JSON.parse(stdout);
  expect([docs, ready, (await fetch(`${url}/health/live`)).status]).toEqual([`${url}/docs`, true, 200]);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

test('every command has a line above, except serve', () => {
  expect(new Set(lines.map(([command]) => command))).toEqual(
    new Set(leaves(createProgram(allCommands)).filter((command) => command !== 'serve')),
  );
});

test('an error leaves standard output empty', async () => {
  const { code, stdout, stderr } = await alara(['jobs', 'show', 'job_lost', '--json'], { ALARA_DATA: folder() });
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('no job job_lost')]);
});
