import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Asking, FromInside, ToInside, Trap } from './pacs/inside-messages.ts';

// Orthanc listens on every address, even with RemoteAccessAllowed false: so it only ever runs in a network of its own.

export type Ran = { readonly status: number; readonly stdout: string; readonly stderr: string };

export type Network = {
  /** Start a program inside. */
  start(program: string, args: readonly string[], environment?: Record<string, string>): ChildProcess;
  /** Run a program inside to its end. */
  run(program: string, args: readonly string[]): Promise<Ran>;
  ask(url: string, init?: Asking): Promise<{ readonly status: number; readonly body: string }>;
  /** How many requests to a path, a regular expression, the service has sent to Orthanc. */
  count(path: string): Promise<number>;
  /** Stop the first request like this on its way between service and Orthanc; resolves when it is stopped. */
  trap(trap: Trap): Promise<void>;
  /** Let what was stopped go: unanswered, or on its way where the trap `resumes`. */
  release(): void;
  close(): Promise<void>;
};

/** A user who is not root makes a network in a user namespace, where the machine allows that. */
const [make, enter] =
  process.getuid?.() === 0
    ? [['-n'], ['-n']]
    : [
        ['-n', '-r'],
        ['-n', '-U', '--preserve-credentials'],
      ];

/** Whether this machine lets a test have a network of its own. */
export const mayOpenNetwork = () => spawnSync('unshare', [...make, 'ip', 'link', 'set', 'lo', 'up']).status === 0;

export async function openNetwork(): Promise<Network> {
  const inside = spawn('unshare', [...make, process.execPath, 'test/support/pacs/inside.ts'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(inside, 'exit');
  const waiting = new Map<number, (answer: { status: number; body: string }) => void>();
  let sprung: () => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    inside.once('exit', () => reject(new Error('no network could be made')));
    inside.on('message', (message: FromInside) => {
      if (message.kind === 'ready') resolve();
      else if (message.kind === 'sprung') sprung();
      else waiting.get(message.id)?.(message);
    });
  });
  await ready;
  const tell = (message: ToInside) => inside.send(message);
  const entering = ['-t', String(inside.pid), ...enter];
  let asked = 0;
  const answered = (message: (id: number) => ToInside) =>
    new Promise<{ status: number; body: string }>((resolve) => {
      const id = asked++;
      waiting.set(id, (answer) => {
        waiting.delete(id);
        resolve(answer);
      });
      tell(message(id));
    });

  return {
    start: (program, args, environment = {}) =>
      spawn('nsenter', [...entering, program, ...args], {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    run: (program, args) =>
      new Promise((resolve) => {
        const child = execFile('nsenter', [...entering, program, ...args], (_, stdout, stderr) =>
          resolve({ status: child.exitCode ?? -1, stdout, stderr }),
        );
      }),
    ask: (url, init = {}) => answered((id) => ({ kind: 'ask', id, url, init })),
    count: async (path) => Number((await answered((id) => ({ kind: 'count', id, path }))).body),
    trap(trap) {
      const stopped = new Promise<void>((resolve) => {
        sprung = resolve;
      });
      tell({ kind: 'trap', trap });
      return stopped;
    },
    release: () => void tell({ kind: 'trap', trap: null }),
    async close() {
      inside.disconnect();
      await ended;
    },
  };
}
