import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { createHttpServer } from './connection/http-server.ts';
import { assemble } from './service.ts';

export type Running = {
  readonly url: string;
  /** Whether the usual models are warm; if not, GET /health/ready says why. */
  readonly ready: boolean;
  /** The findings of the family. */
  readonly findings: readonly string[];
  close(): Promise<void>;
};

/** Start the service and resolve once films can be read. Throws ConfigError or CatalogError before it listens. */
export async function startServer(config: Config, log: Logger): Promise<Running> {
  const service = await assemble(config, log);
  const { fetch, refuse, platform, begin, drain } = service;
  const server = createHttpServer({ fetch, refuse, log, dropped: warnOncePerMinute(log) });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  // Jobs start only after the address is bound: a second process that was started by mistake must not take a job.
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
      // Accept no new connection, answer accepted requests, then close everything.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await drain();
      server.closeIdleConnections();
      await closed;
      await platform.close();
    },
  };
}

/** Log that connections were refused. Under attack there may be thousands of them per second. */
function warnOncePerMinute(log: Logger): (limit: number) => void {
  let before = Number.NEGATIVE_INFINITY;
  return (limit) => {
    if (performance.now() - before < 60_000) return;
    before = performance.now();
    log.warn({ event: 'connections_full', limit }, 'a connection was refused: too many are open');
  };
}
