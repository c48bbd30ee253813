import { existsSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Running, startServer } from '../../api/server.ts';
import { notice } from '../../core/reading.ts';
import { type Config, readConfig } from '../../platform/config.ts';
import { createLog } from '../../platform/log.ts';
import { shellQuoted } from '../../platform/shell-quoted.ts';
import { complaint, UsageError } from '../errors.ts';
import { graceMs, type Ready } from './supervisor.ts';

/** Run the server until a signal or the end of the supervisor stops it. Accepted requests are answered first. */
export async function serveChild(): Promise<void> {
  const stopped = stopSignal();
  try {
    const config = readConfig(process.env);
    const running = await startServer(config, createLog(config.log)).catch((error) =>
      Promise.reject(explain(error, config)),
    );
    announce(running);
    await stopped;
    await running.close();
    process.exit(0);
  } catch (error) {
    const { text, exitCode } = complaint(error);
    process.stderr.write(`${text}\n`);
    // Threads may already run and would keep the process alive.
    process.exit(exitCode);
  }
}

/** Resolves at the first SIGTERM or SIGINT, or when the supervisor is gone. A drain that takes too long is ended. */
const stopSignal = () =>
  new Promise<void>((resolve) => {
    const stop = () => {
      setTimeout(() => {
        process.stderr.write(`alara: not everything was answered within ${graceMs / 1000} s; stopping now.\n`);
        process.exit(1);
      }, graceMs).unref();
      resolve();
    };
    process.on('SIGTERM', stop).on('SIGINT', stop).on('disconnect', stop);
  });

/** The error of a server that cannot listen, with its fix. */
function explain(error: unknown, { port, host }: Config): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'EADDRINUSE':
      return new UsageError(
        `port ${port} on ${host} is taken. Stop what listens there, or choose another: PORT=${port + 1} npm start`,
      );
    case 'EACCES':
      return new UsageError(
        `port ${port} on ${host} may not be used by this user. Choose one above 1023: PORT=8080 npm start`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UsageError(`HOST=${host}: this machine has no such address. Use 127.0.0.1, or 0.0.0.0 for all.`);
    default:
      return error;
  }
}

/** Send the banner to the supervisor, which prints it. */
function announce({ url, ready, findings }: Running): void {
  const banner = ready
    ? welcome(url, findings)
    : `Alara listens on ${url}, but its models are not ready: ${url}/health/ready says why.\n`;
  process.send?.({ url, banner } satisfies Ready);
}

function welcome(url: string, findings: readonly string[]): string {
  const asked = ['Nodule', 'Emphysema'].filter((finding) => findings.includes(finding));
  const query = asked.length > 0 ? `?findings=${asked.join(',')}` : '';
  return `
Alara reads chest radiographs at ${url}
API documentation: ${url}/docs

Try it:
curl --data-binary ${shellQuoted(`@${sample()}`)} -H 'content-type: image/png' ${shellQuoted(`${url}/v1/readings${query}`)}

${notice}
`;
}

/** The path of the first bundled film from the working folder; a placeholder outside the repository. */
function sample(): string {
  const folder = new URL('../../../test/films/', import.meta.url);
  const film =
    existsSync(folder) &&
    readdirSync(folder)
      .filter((name) => name.endsWith('.png'))
      .sort()[0];
  if (!film) return 'film.png';
  const path = relative(process.cwd(), fileURLToPath(new URL(film, folder)));
  return path.startsWith('-') ? `./${path}` : path;
}
