import { createAdaptorServer } from '@hono/node-server';
import { openEngine, openRouter } from '../engine/open.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { openStore } from '../platform/store.ts';
import { createApp } from './app.ts';

export type Running = {
  readonly url: string;
  /** Whether the usual models are warm; if not, GET /health/ready says why. */
  readonly ready: boolean;
  close(): Promise<void>;
};

/** Start the API and resolve once films can be read. Throws ConfigError or CatalogError before it listens. */
export async function startServer(config: Config, log: Logger): Promise<Running> {
  const router = openRouter(config);
  const store = openStore(config.data);
  const engine = openEngine(router, config);
  const { maxBodyBytes, device } = config;
  const app = createApp({ router, engine, store, log, maxBodyBytes, device });
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  const warmed = await engine.ready;
  if (!warmed.ok) log.error({ fault: warmed.fault }, 'models are not ready');
  return {
    url,
    ready: warmed.ok,
    async close() {
      // New connections stop, what was accepted is answered, then the rest closes.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A connection that is kept alive could bring requests for ever: each ends with its next answer.
      server.prependListener('request', (_, response) => response.setHeader('connection', 'close'));
      await engine.close();
      if ('closeIdleConnections' in server) server.closeIdleConnections();
      await closed;
      await store.close();
    },
  };
}
