import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/cli.ts';
import { has } from '../support/dicom/tools.ts';
import { mayOpenNetwork, openNetwork, type Ran } from '../support/network.ts';
import { argv, environment, only, run } from './dockerfile.ts';

// A container engine's part of the work, by hand: a root that holds the staged folder, Node.js and the libraries of this
// machine and nothing else, read-only but for the volumes; processes and network of its own; the image's user.

const isRoot = process.getuid?.() === 0;
const [uid = '', gid = ''] = only('cpu', 'USER').split(':');
/** A user who is not root has one other user to become, in a user namespace. */
const become = isRoot ? [`--setuid=${uid}`, `--setgid=${gid}`] : [`--map-user=${uid}`, `--map-group=${gid}`];

const enter = `
set -eu
root=$1 app=$2 data=$3 node=$4
shift 4
mount -t tmpfs -o mode=755 root "$root"
mkdir -p "$root/app" "$root/data" "$root/tmp" "$root/proc" "$root/dev" "$root/usr/lib" "$root/usr/local/bin"
mount --bind "$app" "$root/app"
mount -o remount,bind,ro "$root/app"
mount --bind "$data" "$root/data"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for lib in lib lib64; do
  [ ! -d "/usr/$lib" ] || { mkdir -p "$root/usr/$lib"; mount --rbind "/usr/$lib" "$root/usr/$lib"; }
  ln -s "usr/$lib" "$root/$lib"
done
touch "$root/usr/local/bin/node"
mount --bind "$node" "$root/usr/local/bin/node"
mount -o remount,bind,ro "$root"
exec unshare ${become.join(' ')} --root="$root" --wd=/app "$@"
`;

/** Why no container can be made here; empty where one can. */
export const missing = (() => {
  if (!has('unshare', 'nsenter') || !has('mount')) return ' (apt-get install util-linux iproute2)';
  const mounts = spawnSync('unshare', [...(isRoot ? [] : ['-r']), '-mpf', ...'mount -t proc proc /proc'.split(' ')]);
  return mounts.status === 0 && mayOpenNetwork() ? '' : ' (needs root, or user namespaces, for mounts and a network)';
})();

/** The image of a staged folder, with a network and a volume of its own. */
export async function openImage(app: string) {
  const network = await openNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'alara-container-'));
  const data = join(folder, 'data');
  const root = join(folder, 'root');
  mkdirSync(root);
  const volume = run('cpu', 'install -d').replace('/data', data);
  // Only root may give a folder away; a user's own becomes that of the user in the container.
  spawnSync('sh', ['-c', isRoot ? volume : volume.replace(/-[og] \d+/g, '')], { stdio: 'inherit' });

  const outer = ['--mount', '--pid', '--fork', 'sh', '-c', enter, 'sh', root, app, data];
  const set = environment('cpu');
  /** Started with what the image sets, what the caller adds, and nothing of this machine's environment. */
  const inside = (command: readonly string[], more: Record<string, string> = {}): [string, string[]] => {
    const clean = Object.entries({ ...set, ...more }).map(([name, value]) => `${name}=${value}`);
    // env(1) is not in the root, so the environment is set before it is entered.
    const path = `PATH=${process.env['PATH']}:/usr/local/bin`;
    return ['env', ['-i', ...clean, path, 'unshare', ...outer, process.execPath, ...command]];
  };

  const started: ChildProcess[] = [];
  return {
    /** Ask the service at its own address. */
    ask: (path: string, init: Parameters<typeof network.ask>[1] = {}) =>
      network.ask(`http://127.0.0.1:${set['PORT']}${path}`, init),
    /** As `docker exec` does. */
    exec: (command: readonly string[]): Promise<Ran> => network.run(...inside(command)),
    /** Start what ENTRYPOINT and CMD say; resolves when films can be read. */
    async start(more: Record<string, string> = {}) {
      const command = [...argv(only('cpu', 'ENTRYPOINT')), ...argv(only('cpu', 'CMD'))];
      const child = network.start(...inside(command, more));
      started.push(child);
      let log = '';
      for (const stream of [child.stdout, child.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          log += text;
        });
      const ended = once(child, 'exit').then(([code]) => code as number | null);
      await until(() => /diagnosis|not ready/.test(log) || child.exitCode !== null, 60_000);
      return { said: () => log, ended, first: () => firstProcess(child) };
    },
    async close() {
      // What a failed test left running: the kernel ends a container with its first process.
      for (const child of started) if (child.exitCode === null) process.kill(firstProcess(child), 'SIGKILL');
      await network.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Image = Awaited<ReturnType<typeof openImage>>;

/** The container's process 1, by the id that it has out here. */
function firstProcess({ pid }: ChildProcess): number {
  const path = `/proc/${pid}/task/${pid}/children`;
  const child = existsSync(path) ? Number(readFileSync(path, 'utf8').trim()) : 0;
  if (!child) throw new Error('the container has no process');
  return child;
}
