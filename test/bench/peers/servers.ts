import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchFilm } from '../films.ts';
import { startService } from '../service.ts';
import { type Encoding, encodeFilm } from './load.ts';
import { processesOf } from './process-group.ts';

const here = import.meta.dirname;
export const workers = 2;

/** A server that is compared: Alara, or a peer with an environment, a program and an encoding of films. */
type Kind = {
  readonly environment: string;
  readonly program: string;
  readonly encoding: Encoding;
  readonly path: string;
};
const peers: Record<string, Kind & { readonly runtime?: string }> = {
  FastAPI: { environment: 'fastapi', program: 'fastapi_server.py', encoding: 'body', path: '/read' },
  LitServe: { environment: 'litserve', program: 'litserve_server.py', encoding: 'multipart', path: '/read' },
  BentoML: { environment: 'bentoml', program: 'bentoml_server.py', encoding: 'multipart', path: '/read' },
  'Ray Serve': { environment: 'ray', program: 'ray_server.py', encoding: 'body', path: '/read' },
  MLServer: { environment: 'mlserver', program: 'mlserver_server.py', encoding: 'v2', path: '/v2/models/read/infer' },
  'FastAPI OpenVINO': {
    ...{ environment: 'fastapi', program: 'fastapi_server.py', encoding: 'body', path: '/read' },
    runtime: 'openvino',
  },
};
export const serverNames = ['Alara', ...Object.keys(peers)];

/** Create the Python environment of a peer, unless it is complete. Returns the reason if a package does not install. */
export function install(name: string): string | undefined {
  const peer = peers[name];
  if (!peer) return undefined;
  const folder = join(here, '.venv', peer.environment);
  const requirements = join(here, 'requirements', `${peer.environment}.txt`);
  const digest = createHash('sha256').update(readFileSync(join(here, 'requirements/common.txt')));
  const wanted = digest.update(readFileSync(requirements)).digest('hex');
  const marker = join(folder, '.alara-setup');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return undefined;
  console.error(`--> Installing ${name}`);
  mkdirSync(folder, { recursive: true });
  const options = { encoding: 'utf8', stdio: 'pipe' } as const;
  try {
    execFileSync(process.env['PYTHON'] ?? 'python3', ['-m', 'venv', folder], options);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--requirement', requirements];
    execFileSync(join(folder, 'bin/python'), pip, options);
    writeFileSync(marker, wanted);
    return undefined;
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    const reasons = text.split('\n').filter((line) => line.startsWith('ERROR'));
    return reasons[0] ?? text.trim().split('\n').at(-1) ?? 'unknown reason';
  }
}

export type Server = {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly encoding: Encoding;
  /** The status of a good answer. Alara answers 200 for a reading that is stored already, so only 201 counts. */
  readonly status: number;
  readonly startMs: number;
  /** The first good answer. */
  readonly answer: unknown;
  stop(): Promise<void>;
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

type Settings = {
  readonly variant: string;
  /** The folder of the model family. */
  readonly family: string;
  readonly deadlineMs: number;
  readonly film: BenchFilm;
  /** A folder for stores and logs. */
  readonly data: string;
};

/** Start a server and wait for its first good answer. Rejects with the end of its log if there is none within two minutes. */
export async function startServer(name: string, settings: Settings): Promise<Server> {
  const start = performance.now();
  const folder = mkdtempSync(join(settings.data, 'server-'));
  const peer = peers[name];
  const running = peer ? await startPeer(peer, folder, settings) : await startAlara(folder, settings);
  const { child, url, encoding, status } = running;
  const { body, type } = encodeFilm(readFileSync(settings.film.path), settings.film.mediaType, encoding);
  const stop = () => stopTree(child);
  while (performance.now() - start < 120_000 && child.exitCode === null) {
    const signal = AbortSignal.timeout(30_000);
    const answered = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': type },
      body: new Uint8Array(body),
      signal,
    }).catch(() => undefined);
    if (answered?.status === status) {
      const answer: unknown = await answered.json();
      return { name, pid: child.pid ?? 0, url, encoding, status, startMs: performance.now() - start, answer, stop };
    }
    await delay(20);
  }
  await stop();
  const log = readFileSync(join(folder, 'log'), 'utf8').trim().split('\n');
  throw new Error(`no good answer; the log ends with: ${log.slice(-2).join(' ').slice(-300)}`);
}

async function startAlara(folder: string, { variant, deadlineMs }: Settings) {
  Object.assign(process.env, {
    ALARA_WORKERS: `${workers}`,
    ALARA_THREADS: '1',
    ALARA_DEADLINE_MS: `${deadlineMs}`,
  });
  const { child, url } = await startService(folder);
  return { child, url: `${url}/v1/readings?variant=${variant}`, encoding: 'body' as const, status: 201 };
}

async function startPeer(peer: Kind & { runtime?: string }, folder: string, { variant, family, deadlineMs }: Settings) {
  const port = await freePort();
  const log = openSync(join(folder, 'log'), 'a');
  const child = spawn(join(here, '.venv', peer.environment, 'bin/python'), [join(here, peer.program)], {
    cwd: here,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      PEER_FAMILY: family,
      PEER_VARIANT: variant,
      PEER_WORKERS: `${workers}`,
      PEER_PORT: `${port}`,
      PEER_DEADLINE_S: `${deadlineMs / 1000}`,
      PEER_RUNTIME: peer.runtime ?? 'onnxruntime',
      // One thread per worker, and no usage data.
      OMP_NUM_THREADS: '1',
      ORT_DISABLE_TELEMETRY: '1',
      BENTOML_DO_NOT_TRACK: 'True',
      RAY_USAGE_STATS_ENABLED: '0',
      // Otherwise Ray writes a token into the home folder.
      RAY_AUTH_MODE: 'disabled',
      DO_NOT_TRACK: '1',
      BENTOML_HOME: folder,
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  return { child, url: `http://127.0.0.1:${port}${peer.path}`, encoding: peer.encoding, status: 200 };
}

/** Stop a process and its descendants: first by SIGTERM to the first process, then all that are left. */
async function stopTree(child: ChildProcess): Promise<void> {
  const all = processesOf(child.pid ?? 0);
  const ended = new Promise<void>((resolve) =>
    child.exitCode === null ? child.once('exit', () => resolve()) : resolve(),
  );
  child.kill('SIGTERM');
  await Promise.race([ended, delay(10_000, undefined, { ref: false })]);
  for (const pid of all.filter((each) => existsSync(`/proc/${each}`)))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended since.
    }
}
