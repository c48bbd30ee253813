import { createAdaptorServer } from '@hono/node-server';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { assemble } from './assemble.ts';
import { letBodiesTakeTime } from './slow-bodies.ts';

/**
 * How long a connection that nobody uses is kept. A load balancer reuses connections until its own idle timeout (60 s in
 * lib/balancer.ts): closed here first, a request that is under way would be answered 502 there.
 */
export const keepAliveMs = 75_000;
/** For the headers of a request, longer than that: else Node counts the time between two requests as the second's headers. */
export const headersMs = 80_000;

export type Running = {
  readonly url: string;
  /** Whether the usual models are warm; if not, GET /health/ready says why. */
  readonly ready: boolean;
  /** What the family reads. */
  readonly findings: readonly string[];
  close(): Promise<void>;
};

/** Start the service and resolve once films can be read. Throws ConfigError or CatalogError before it listens. */
export async function startServer(config: Config, log: Logger): Promise<Running> {
  const service = await assemble(config, log);
  const { fetch, platform, begin, drain } = service;
  const serverOptions = { keepAliveTimeout: keepAliveMs, headersTimeout: headersMs };
  const server = createAdaptorServer({ fetch, serverOptions });
  if ('requestTimeout' in server) letBodiesTakeTime(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  // Not before the address is ours: a second start by mistake must not take a job along when it ends.
  begin();
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  const warmed = await service.engine.ready;
  if (!warmed.ok) log.error({ fault: warmed.fault }, 'models are not ready');
  return {
    url,
    ready: warmed.ok,
    findings: service.router.family.catalog.findings,
    async close() {
      // New connections stop, what was accepted is answered, then the rest closes.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that is kept alive could bring requests for ever: each ends with its next answer.
      server.prependListener('request', (_, response) => response.setHeader('connection', 'close'));
      await drain();
      if ('closeIdleConnections' in server) server.closeIdleConnections();
      await closed;
      await platform.close();
    },
  };
}
