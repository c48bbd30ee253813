import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../support/cli.ts';
import { has } from '../support/dicom/tools.ts';
import { mayOpenNetwork, openNetwork, type Ran } from '../support/network.ts';
import { argv, environment, only, run } from './dockerfile.ts';

// Replaces a container engine: a root with only the staged folder, Node.js and the libraries of this machine. The root is
// read-only except for the volumes. Processes and network are isolated, and the user is the user of the image.

const isRoot = process.getuid?.() === 0;
const [uid = '', gid = ''] = only('cpu', 'USER').split(':');
/** A user without root can map only one other user in a user namespace. */
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

/** The reason why this machine cannot create a container, or an empty text. */
export const missing = (() => {
  if (!has('unshare', 'nsenter') || !has('mount')) return ' (apt-get install util-linux iproute2)';
  const mounts = spawnSync('unshare', [...(isRoot ? [] : ['-r']), '-mpf', ...'mount -t proc proc /proc'.split(' ')]);
  return mounts.status === 0 && mayOpenNetwork() ? '' : ' (needs root, or user namespaces, for mounts and a network)';
})();

/** The image of a staged folder, with a network and a volume. */
export async function openImage(app: string) {
  const network = await openNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'alara-container-'));
  const data = join(folder, 'data');
  const root = join(folder, 'root');
  mkdirSync(root);
  const volume = run('cpu', 'install -d').replace('/data', data);
  // Only root can change the owner of a folder. Without root, the user's own files appear as files of the container's user.
  spawnSync('sh', ['-c', isRoot ? volume : volume.replace(/-[og] \d+/g, '')], { stdio: 'inherit' });

  const outer = ['--mount', '--pid', '--fork', 'sh', '-c', enter, 'sh', root, app, data];
  const set = environment('cpu');
  /** Start with the variables of the image and of the caller, without the environment of this machine. */
  const inside = (command: readonly string[], more: Record<string, string> = {}): [string, string[]] => {
    const clean = Object.entries({ ...set, ...more }).map(([name, value]) => `${name}=${value}`);
    // env(1) is not in the root, so set the environment before entering the root.
    const path = `PATH=${process.env['PATH']}:/usr/local/bin`;
    return ['env', ['-i', ...clean, path, 'unshare', ...outer, process.execPath, ...command]];
  };

  const started: ChildProcess[] = [];
  return {
    /** Send a request from inside the container. */
    ask: (path: string, init: Parameters<typeof network.ask>[1] = {}) =>
      network.ask(`http://127.0.0.1:${set['PORT']}${path}`, init),
    /** Like `docker exec`. */
    exec: (command: readonly string[]): Promise<Ran> => network.run(...inside(command)),
    /** Start ENTRYPOINT and CMD. Resolves when the service can read films. */
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
      // Clean up after a failed test: the kernel ends a container with its first process.
      for (const child of started) if (child.exitCode === null) process.kill(firstProcess(child), 'SIGKILL');
      await network.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Image = Awaited<ReturnType<typeof openImage>>;

/** The process 1 of the container, by its id outside. */
function firstProcess({ pid }: ChildProcess): number {
  const path = `/proc/${pid}/task/${pid}/children`;
  const child = existsSync(path) ? Number(readFileSync(path, 'utf8').trim()) : 0;
  if (!child) throw new Error('the container has no process');
  return child;
}
