import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

// What a crash means. A fault inside a native library (ONNX Runtime, libvips) or the end of memory takes the
// whole process along, with every request it was reading. Readings that were answered are in the store by then
// and are found again by their id. A request in flight sees its connection reset and may simply be sent again: the id
// of a reading is a digest of film and request, so a retry is the same reading, never a second one.

/** Milliseconds in which what was accepted may be answered after SIGTERM. */
export const graceMs = 25_000;
/** A server that dies sooner than this after its start may do so again. */
const earlyMs = 5_000;
const longestPauseMs = 30_000;

/**
 * The pause before the next start, in milliseconds. The first restart is immediate. The pause doubles with each early death
 * in a row and has a bound: a full disk, a lack of memory or a store that is away may pass, and nobody may be there to start
 * the service again. Half of the pause is random, so that many machines do not start together.
 */
export const restartPauseMs = (early: number, random: number = Math.random()): number =>
  early < 2 ? 0 : Math.round(Math.min(longestPauseMs, 250 * 2 ** (early - 2)) * (0.5 + random / 2));

/** glibc gives each thread a part of the heap to itself, and keeps it when the thread has ended: docs/models.md, Memory. */
const heap = process.env['MALLOC_ARENA_MAX'] === undefined ? { MALLOC_ARENA_MAX: '2' } : {};

/** What the child tells once it answers. */
export type Ready = { readonly url: string; readonly banner: string };

/**
 * Keep a server running in a child process until a signal stops it; resolves with the exit code. The parent
 * loads no native library and no film, so what kills the child does not kill it.
 */
export async function supervise(start: (environment: NodeJS.ProcessEnv) => ChildProcess): Promise<number> {
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

  let port: string | undefined;
  let early = 0;
  while (!stopping) {
    const started = performance.now();
    // After a crash the server comes back where its callers know it, also when PORT=0 chose that port.
    child = start({ ...heap, ...(port && { PORT: port }) });
    child.on('message', ({ url, banner }: Ready) => {
      if (port) say(`the server answers again at ${url}`);
      else process.stdout.write(banner);
      port = new URL(url).port;
    });
    const { code, signal } = await ended(child);
    if (stopping) return code ?? (signal === 'SIGKILL' ? 1 : 0);
    // 0: it was told to stop. 2: settings or models are at fault, which another start does not cure.
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

const ended = (child: ChildProcess) =>
  new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => {
      say(`the server cannot be started: ${error.message}`);
      resolve({ code: 1, signal: null });
    });
  });

const say = (text: string) => process.stderr.write(`alara: ${text}\n`);
