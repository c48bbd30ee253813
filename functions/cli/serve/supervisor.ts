import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { show } from '../output/json.ts';

// What a crash means. A fault inside a native library (ONNX Runtime, libvips), or a lack of memory, ends the whole process with every
// request in flight. Answered readings are in the store and are found by their ids. A request in flight sees its connection reset and can be
// sent again: the id of a reading is a digest of film and request, so a retry gives the same reading, never a second one.

/** The time for accepted requests after SIGTERM, in milliseconds. */
export const graceMs = 25_000;
/** A server that lives shorter than this after its start died early. */
const earlyMs = 5_000;
const longestPauseMs = 30_000;

/**
 * The pause before the next start, in milliseconds. The first restart is immediate. The pause doubles with each early death
 * in a row and has a bound: a full disk, a lack of memory or a store that is away may pass, and nobody may be there to start
 * the service again. Half of the pause is random, so that many machines do not start together.
 */
export const restartPauseMs = (early: number, random: number = Math.random()): number =>
  early < 2 ? 0 : Math.round(Math.min(longestPauseMs, 250 * 2 ** (early - 2)) * (0.5 + random / 2));

/** glibc gives each thread an arena of the heap and keeps it after the thread has ended: docs/models.md, Memory. */
const heap = process.env['MALLOC_ARENA_MAX'] === undefined ? { MALLOC_ARENA_MAX: '2' } : {};

/** The message of the child when it answers. */
export type Ready = { readonly url: string; readonly banner: string; readonly ready: boolean };

/**
 * Keep a server running in a child process until a signal stops it. Resolves with the exit code. The parent loads no native library and
 * no film, so a crash of the child does not end the parent.
 */
export async function supervise(start: (environment: NodeJS.ProcessEnv) => ChildProcess, json?: true): Promise<number> {
  let child: ChildProcess | undefined;
  let stopping = false;
  const waiting = new AbortController();
  const kill = () => child?.kill('SIGKILL');
  const stop = () => {
    if (stopping) return;
    stopping = true;
    waiting.abort();
    child?.kill('SIGTERM');
    setTimeout(kill, graceMs + 1000).unref();
    // One Ctrl-C comes twice, from the terminal and from npm, and service managers signal the child as well: so the
    // child takes all signals for one, and here a second one counts only after a moment.
    setTimeout(() => process.on('SIGTERM', kill).on('SIGINT', kill), 500).unref();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  if (process.env['npm_lifecycle_event'] !== undefined) watchParent(stop);

  let port: string | undefined;
  let early = 0;
  while (!stopping) {
    const started = performance.now();
    // After a crash the server returns to the same port, also if PORT=0 chose it.
    child = start({ ...heap, ...(port && { PORT: port }) });
    child.on('message', ({ url, banner, ready }: Ready) => {
      if (port) say(`the server answers again at ${url}`);
      else show(json, { url, docs: `${url}/docs`, ready }, () => banner);
      port = new URL(url).port;
    });
    const { code, signal } = await ended(child);
    if (stopping) return code ?? (signal === 'SIGKILL' ? 1 : 0);
    // 0: stopped by a signal. 2: settings or models have a fault, which another start does not repair.
    if (code === 0 || code === 2) return code;

    early = performance.now() - started < earlyMs ? early + 1 : 0;
    const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
    const pause = restartPauseMs(early);
    const often =
      early < 3
        ? ''
        : ` It ended ${early} times in a row within ${earlyMs / 1000} s of its start: the lines above say why, and alara doctor checks this machine.`;
    say(
      `the server ${how}; starting it again${pause > 0 ? ` in ${pause} ms` : ''}. Requests that were cut off may be sent again.${often}`,
    );
    await delay(pause, undefined, { signal: waiting.signal }).catch(() => undefined);
  }
  return 0;
}

/** Call `gone` after the parent process has ended. npm sends SIGTERM to its shell only, and the shell ends without this process. */
function watchParent(gone: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) gone();
  }, 500).unref();
}

const ended = (child: ChildProcess) =>
  new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      say(`the server cannot be started: ${error.message}`);
      resolve({ code: 1, signal: null });
    });
  });

const say = (text: string) => process.stderr.write(`alara: ${text}\n`);
