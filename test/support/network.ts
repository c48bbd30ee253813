import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Asking, FromInside, ToInside, Trap } from './pacs/inside-messages.ts';

// Orthanc listens on every address, even with RemoteAccessAllowed false. So it runs only in a private network.

export type Ran = { readonly status: number; readonly stdout: string; readonly stderr: string };

export type Network = {
  /** Start a program inside the network. */
  start(program: string, args: readonly string[], environment?: Record<string, string>): ChildProcess;
  /** Run a program inside the network to its end. */
  run(program: string, args: readonly string[]): Promise<Ran>;
  ask(url: string, init?: Asking): Promise<{ readonly status: number; readonly body: string }>;
  /** The number of requests from the service to Orthanc for paths that match a regular expression. */
  count(path: string): Promise<number>;
  /** Stop the first matching request between the service and Orthanc. Resolves when it is stopped. */
  trap(trap: Trap): Promise<void>;
  /** Release the stopped request. It is forwarded if the trap `resumes`; otherwise it stays unanswered. */
  release(): void;
  close(): Promise<void>;
};

/** A user without root creates the network in a user namespace, if the machine allows it. */
const [make, enter] =
  process.getuid?.() === 0
    ? [['-n'], ['-n']]
    : [
        ['-n', '-r'],
        ['-n', '-U', '--preserve-credentials'],
      ];

/** Whether this machine allows a test to create a network. */
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
