import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { loadFamily } from '../../functions/models/load.ts';
import { readConfig } from '../../functions/platform/config.ts';

const config = readConfig(process.env);

/** The model family of the tests. */
export const family = loadFamily(config.models, config.family);
export const films = ['test/films/00000100_000.png', 'test/films/00000442_000.png'];

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

const start = (args: readonly string[], environment: Record<string, string>, cwd = process.cwd()) =>
  spawn(process.execPath, [resolve('functions/cli/main.ts'), ...args], {
    env: { ...process.env, PORT: '0', ALARA_LOG: 'silent', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd,
  });

/** Run a command to its end in a new process. `watch` sees the standard error so far. */
export async function alara(
  args: readonly string[],
  environment: Record<string, string> = {},
  watch: (stderr: string, child: ChildProcess) => void = () => undefined,
  { stdin, cwd }: { readonly stdin?: Uint8Array; readonly cwd?: string } = {},
): Promise<Ended> {
  const child = start(args, environment, cwd);
  // The child may end before it has read everything.
  child.stdin.on('error', () => undefined).end(stdin);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
    watch(output.stderr, child);
  });
  const [code] = await once(child, 'close');
  return { code, ...output };
}

export type Served = {
  readonly url: string;
  readonly banner: string;
  readonly pid: number;
  /** The standard error of the supervisor. */
  said(): string;
  /** The process that answers. It changes after a crash. */
  serverPid(): number;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
};

/** Start `alara serve` and wait for its banner. The end of the test kills it. */
export async function serve(environment: Record<string, string> = {}, timeoutMs?: number): Promise<Served> {
  const supervisor = start(['serve'], { ALARA_DATA: folder(), ...environment });
  supervisor.stdin.end();
  const ended = once(supervisor, 'exit').then(([code]) => code as number | null);
  let banner = '';
  let said = '';
  supervisor.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  onTestFinished(async () => {
    // The server stops when its supervisor has ended.
    supervisor.kill('SIGKILL');
    await ended;
  });
  supervisor.stdout.setEncoding('utf8').on('data', (text: string) => {
    banner += text;
  });
  await until(() => /diagnosis|not ready/.test(banner) || supervisor.exitCode !== null, timeoutMs);
  const url = /http:\/\/[\d.:]+/.exec(banner)?.[0];
  const { pid } = supervisor;
  if (!url || !pid) throw new Error(`the server did not start: ${banner}${said}`);
  return { url, banner, pid, ended, said: () => said, serverPid: () => childOf(pid) };
}

function childOf(parent: number): number {
  const children = `/proc/${parent}/task/${parent}/children`;
  if (existsSync(children)) return Number(readFileSync(children, 'utf8').trim());
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return Number(rows.map((row) => row.trim().split(/\s+/)).find(([, ppid]) => Number(ppid) === parent)?.[0]);
}

/** Wait until a condition holds. */
export async function until(holds: () => boolean | Promise<boolean>, timeoutMs = 90_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** An empty folder that is removed when the test ends. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'alara-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A models folder with the family. `damage` may overwrite one of its files; the others are links. */
export function damagedFamily(name: string, damage: (bytes: Buffer) => Buffer): string {
  const models = folder();
  const copy = join(models, family.catalog.family);
  mkdirSync(copy);
  for (const file of ['catalog.json', 'policy.json', ...family.catalog.variants.map(({ file }) => file)])
    if (file !== name) symlinkSync(resolve(family.folder, file), join(copy, file));
  writeFileSync(join(copy, name), damage(readFileSync(join(family.folder, name))));
  return models;
}

/** A folder with two films, one of them in a sub-folder, and a text file with the name of a film. */
export function filmsAndOneBad(): { path: string; good: readonly string[]; bad: string } {
  const path = folder();
  mkdirSync(join(path, 'study'));
  const good = [join(path, 'b.PNG'), join(path, 'study', 'c.png')];
  for (const [i, film] of good.entries()) cpSync(films[i] ?? '', film);
  const bad = join(path, 'a, "bad".png');
  writeFileSync(bad, 'not a film');
  writeFileSync(join(path, 'notes.txt'), 'not a film either, and not called one');
  writeFileSync(join(path, '._b.PNG'), 'hidden');
  return { path, good, bad };
}
