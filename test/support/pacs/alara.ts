import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../cli.ts';
import { type Orthanc, proxiedUrl, user } from './orthanc.ts';

export const alaraUrl = 'http://127.0.0.1:8080';

export type Alara = {
  /** Start the service, and wait until it is ready. */
  start(): Promise<void>;
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** The whole log. */
  said(): string;
};

/** The request for the films of a PACS if many are read: one finding on the cheapest model. */
export const cheapRequest = { findings: 'Cardiomegaly', minAuroc: '0.5' };

/** ALARA_PACS for an Orthanc behind the proxy. */
export function pacsFile(orthanc: Orthanc, name: string, more: Record<string, unknown> = {}): string {
  const secret = join(orthanc.folder, 'password');
  writeFileSync(secret, `${user.password}\n`);
  const main = {
    ...{ dicomWeb: `${proxiedUrl}/dicom-web`, username: user.name, passwordFile: secret },
    timeoutSeconds: 20,
    ...more,
  };
  const path = join(orthanc.folder, `${name}.json`);
  writeFileSync(path, JSON.stringify({ pacs: { main } }));
  return path;
}

/** The service for an Orthanc. `serve` is the command line; `shortLease` is one process that a test may kill. */
export function createAlara(
  { network }: Pick<Orthanc, 'network'>,
  kind: 'serve' | 'shortLease',
  environment: { readonly ALARA_DATA: string; readonly ALARA_PACS: string } & Record<string, string>,
): Alara {
  const program = kind === 'serve' ? ['functions/cli/main.ts', 'serve'] : ['test/support/pacs/short-lease.ts'];
  let running: ReturnType<typeof network.start> | undefined;
  let log = '';
  return {
    said: () => log,
    async start() {
      const started = network.start(process.execPath, program, {
        ...{ ALARA_WORKERS: '1', ALARA_LOG: 'info' },
        ...environment,
      });
      running = started;
      for (const stream of [started.stdout, started.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          log += text;
        });
      const isReady = async () => (await network.ask(`${alaraUrl}/health/ready`)).status === 200;
      await until(async () => (await isReady()) || started.exitCode !== null, 60_000);
      if (started.exitCode !== null) throw new Error(`the service did not start:\n${log}`);
    },
    async stop(signal = 'SIGTERM') {
      if (!running || running.exitCode !== null || running.signalCode !== null) return;
      const ended = once(running, 'exit');
      running.kill(signal);
      await ended;
    },
  };
}
