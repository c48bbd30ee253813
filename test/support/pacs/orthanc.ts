import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../cli.ts';
import { has } from '../dicom/tools.ts';
import { mayOpenNetwork, type Network, openNetwork } from '../network.ts';
import type { Asking } from './inside-messages.ts';

const plugin = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const shipped = resolve('functions/pacs/orthanc');

/** Why the tests with a real Orthanc cannot run on this machine, with the command that installs it. Empty if they can. */
export const missing = (() => {
  const programs = ['Orthanc', 'storescu', 'dsrdump', 'dciodvfy', 'ip', 'unshare', 'nsenter'];
  if (programs.some((program) => !has(program) && !existsSync(`/usr/sbin/${program}`)) || !existsSync(plugin))
    return ' (apt-get install orthanc orthanc-dicomweb dcmtk dicom3tools iproute2 util-linux)';
  return mayOpenNetwork() ? '' : ' (needs root, or user namespaces, for a private network)';
})();

export const orthancUrl = 'http://127.0.0.1:8042';
/** The same Orthanc behind the proxy that can stop requests. */
export const proxiedUrl = 'http://127.0.0.1:9042';
export const user = { name: 'alara', password: 'a password of this test' };
const authorization = `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;

export type Orthanc = {
  readonly network: Network;
  /** A folder of this Orthanc, removed at the end. */
  readonly folder: string;
  start(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** GET a JSON resource. */
  get(path: string): Promise<unknown>;
  ask(path: string, init?: Asking): Promise<{ status: number; body: string }>;
  /** Send files or folders by C-STORE. */
  send(...paths: readonly string[]): Promise<void>;
  /** The log of Orthanc. */
  said(): string;
  close(): Promise<void>;
};

/** A real Orthanc in a private network, with the Lua script and the configuration of the product. `key`: of the hook. */
export async function openOrthanc(more: Record<string, unknown> = {}, key = ''): Promise<Orthanc> {
  const network = await openNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'alara-orthanc-'));
  const configuration = join(folder, 'configuration');
  mkdirSync(configuration);
  const given = JSON.parse(readFileSync(join(shipped, 'alara.json'), 'utf8'));
  writeFileSync(join(configuration, 'alara.json'), JSON.stringify({ ...given, Alara: { ...given.Alara, Key: key } }));
  const settings = {
    StorageDirectory: join(folder, 'storage'),
    IndexDirectory: join(folder, 'storage'),
    ...{ HttpPort: 8042, DicomPort: 4242, DicomAet: 'ORTHANC' },
    RegisteredUsers: { [user.name]: user.password },
    ...{ StableAge: 2, HttpTimeout: 5 },
    ...{ Plugins: [plugin], DicomWeb: { Enable: true, Root: '/dicom-web/' } },
    LuaScripts: [join(shipped, 'alara.lua')],
    ...more,
  };
  writeFileSync(join(configuration, 'test.json'), JSON.stringify(settings));
  let process: ChildProcess | undefined;
  let log = '';

  const ask: Orthanc['ask'] = (path, init = {}) =>
    network.ask(orthancUrl + path, {
      ...init,
      headers: { authorization, accept: 'application/json', ...init.headers },
    });

  const orthanc: Orthanc = {
    ...{ network, folder, ask },
    async start() {
      const started = network.start('Orthanc', [configuration]);
      process = started;
      for (const stream of [started.stdout, started.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          log += text;
        });
      await until(async () => (await ask('/system')).status === 200 || Boolean(started.exitCode), 20_000);
      if (started.exitCode) throw new Error(`Orthanc did not start:\n${log}`);
    },
    async stop(signal = 'SIGTERM') {
      if (!process || process.exitCode !== null || process.signalCode !== null) return;
      const ended = once(process, 'exit');
      process.kill(signal);
      await ended;
    },
    async get(path) {
      const { status, body } = await ask(path);
      if (status !== 200) throw new Error(`Orthanc answered ${status} to ${path}`);
      return JSON.parse(body);
    },
    async send(...paths) {
      const { status, stderr } = await network.run('storescu', ['+sd', '+r', '127.0.0.1', '4242', ...paths]);
      if (status !== 0) throw new Error(`storescu: ${stderr}\n${log}`);
    },
    said: () => log,
    async close() {
      await orthanc.stop('SIGKILL');
      await network.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await orthanc.start();
  return orthanc;
}
