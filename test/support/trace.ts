import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** External effects of a process tree in the output of strace. */
export type Effects = {
  /** Addresses of connections and of sent data, including local sockets. */
  readonly contacted: readonly string[];
  /** Absolute paths that were created, opened for writing, renamed to or removed. */
  readonly written: readonly string[];
};

export const mayTrace = () => spawnSync('strace', ['-V']).status === 0;

const network = ['connect', 'sendto', 'sendmsg', 'sendmmsg'];
const files = ['open', 'openat', 'creat', 'mkdir', 'mkdirat', 'mknodat', 'rename', 'renameat', 'renameat2'];
const links = ['link', 'linkat', 'symlink', 'symlinkat', 'unlink', 'unlinkat', 'truncate', 'bind'];

/** The arguments of strace that come before the traced command. All threads and child processes are traced. */
export const traceInto = (file: string): readonly string[] => [
  ...['-f', '-qq', '-y', '-s', '4096', '-o', file, '--seccomp-bpf'],
  ...['-e', `trace=${[...network, ...files, ...links].join(',')}`],
];

/** Parse the output of {@link traceInto}. Failed calls count for addresses, but not for files. */
export function effectsIn(file: string, cwd = process.cwd()): Effects {
  const contacted = new Set<string>();
  const written = new Set<string>();
  for (const line of joined(readFileSync(file, 'utf8').split('\n'))) {
    const call = /^\d+ +(\w+)\((.*)\) += (-?\d+)/.exec(line);
    if (!call) continue;
    const [, name = '', args = '', result = ''] = call;
    if (network.includes(name)) {
      for (const [, family, address] of args.matchAll(/\{sa_family=(AF_\w+)(?:, ([^}]*))?\}/g))
        contacted.add(`${family} ${address ?? ''}`);
      continue;
    }
    if (result.startsWith('-')) continue;
    if (name === 'bind') {
      const [, socket] = /sun_path="(\/[^"]*)"/.exec(args) ?? [];
      if (socket) written.add(socket);
      continue;
    }
    if (/^open/.test(name) && !/O_CREAT|O_WRONLY|O_RDWR/.test(args)) continue;
    // A path follows the file descriptor that it is relative to, or stands alone.
    for (const [, folder, path] of args.matchAll(/(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/g))
      if (path) written.add(resolve(folder ?? cwd, path));
  }
  return { contacted: [...contacted], written: [...written] };
}

/** A call that another thread interrupted is split into two lines. */
function* joined(lines: readonly string[]): Generator<string> {
  const begun = new Map<string, string>();
  for (const line of lines) {
    const [thread = ''] = line.split(' ', 1);
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(line);
    const resumed = /<\.\.\. \w+ resumed>(.*)$/.exec(line);
    if (unfinished?.[1] !== undefined) begun.set(thread, unfinished[1]);
    else if (resumed) yield `${begun.get(thread) ?? ''}${resumed[1]}`;
    else yield line;
  }
}
