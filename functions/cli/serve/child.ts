import { existsSync, readdirSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { type Running, startServer } from '../../api/server.ts';
import { notice } from '../../core/reading.ts';
import { type Config, readConfig } from '../../platform/config.ts';
import { createLog } from '../../platform/log.ts';
import { shellQuoted } from '../../platform/shell-quoted.ts';
import { errorReport, UsageError } from '../errors.ts';
import { stopSignal } from './stop-signal.ts';
import type { Ready } from './supervisor.ts';

/**
 * Pixels are outside of the heaps of V8, but V8 counts them as growth of a heap. With its usual limits a thread collected its whole heap
 * for each film of 15 MB, which took half of the processor time of the film. So a heap may double before it is collected.
 */
const heapGrowth = '--heap-growing-percent=100';

/** Run the server until a signal or the end of the supervisor stops it. Accepted requests are answered first. */
export async function serveChild(): Promise<void> {
  const stopped = stopSignal();
  setFlagsFromString(heapGrowth);
  try {
    const config = readConfig(process.env);
    const running = await startServer(config, createLog(config.log)).catch((error) =>
      Promise.reject(explain(error, config)),
    );
    // The supervisor prints the banner.
    process.send?.({ url: running.url, banner: banner(running, config), ready: running.ready } satisfies Ready);
    await stopped;
    await running.close();
    process.exit(0);
  } catch (error) {
    const { text, exitCode } = errorReport(error);
    process.stderr.write(`${text}\n`);
    // Threads may already run and would keep the process alive.
    process.exit(exitCode);
  }
}

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

/** The text that a started server prints: its address, its documentation and a curl line that works. */
function banner({ url, ready, findings }: Running, { authRequired }: Config): string {
  if (!ready) return `Alara listens on ${url}, but its models are not ready: ${url}/health/ready says why.\n`;
  const asked = ['Nodule', 'Emphysema'].filter((finding) => findings.includes(finding));
  const query = asked.length > 0 ? `?findings=${asked.join(',')}` : '';
  // npm start runs in a clone, where the program alara is not on the path.
  const alara = process.env['npm_lifecycle_event'] === undefined ? 'alara' : 'npm run -s alara --';
  const folder = process.env['ALARA_DATA'];
  const place = folder === undefined ? '' : `ALARA_DATA=${shellQuoted(folder)} `;
  const key = authRequired ? `KEY=$(${place}${alara} keys create --tenant clinic --scopes readings)\n` : '';
  const authorization = authRequired ? `-H "Authorization: Bearer $KEY" ` : '';
  return `
Alara reads chest radiographs at ${url}
API documentation: ${url}/docs

Try it${authRequired ? ' with an API key, which the first line creates' : ''}:
${key}curl ${authorization}--data-binary ${shellQuoted(`@${sample()}`)} -H 'content-type: image/png' ${shellQuoted(`${url}/v1/readings${query}`)}

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
