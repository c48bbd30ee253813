import type { OpenAPIHono } from '@hono/zod-openapi';
import about from '../../package.json' with { type: 'json' };
import type { Engine } from '../engine/engine.ts';
import { openEngine, openRouter, type Router } from '../engine/open.ts';
import { readPacsConfig } from '../pacs/config.ts';
import { openPacs } from '../pacs/open.ts';
import type { Config } from '../platform/config.ts';
import { openEmbedded } from '../platform/embedded/open.ts';
import type { Logger } from '../platform/log.ts';
import type { Platform } from '../platform/platform.ts';
import { createHandlers } from '../worker/handlers.ts';
import { startWorker, type Worker, type WorkerOptions } from '../worker/worker.ts';
import { createApp, createWorkerApp } from './app.ts';
import type { Deps } from './deps.ts';

/** The parts of a running service. No socket is open: `app.fetch` answers. */
export type Service = {
  readonly app: OpenAPIHono;
  readonly router: Router;
  readonly engine: Engine;
  readonly platform: Platform;
  /** Begin to work on jobs. */
  begin(): void;
  /** Take on nothing new from a PACS or the queue, and finish or hand back what is held. */
  drain(): Promise<void>;
};

const dayMs = 86_400_000;

/** Jobs that wait for a receiver or a PACS must not hold up films, which take turns at the engine anyway. */
const lanesFor = (workers: number) => workers + 8;

/** Put a service together as its role says. Throws ConfigError or CatalogError. */
export function assemble(
  config: Config,
  log: Logger,
  tuning: Partial<Pick<WorkerOptions, 'retry' | 'visibilityMs' | 'graceMs' | 'concurrency' | 'random'>> = {},
): Service {
  const router = openRouter(config);
  const platform = openEmbedded(config.data, { keyFile: config.keyFile });
  const engine = openEngine(router, config);
  const { authRequired, maxBodyBytes, maxUploadBytes, device, role } = config;
  const settings = config.pacs === undefined ? null : readPacsConfig(config.pacs);
  const pacs = openPacs(settings, { router, engine, platform, log, version: about.version });
  const deps: Deps = { router, engine, platform, pacs, log, authRequired, maxBodyBytes, maxUploadBytes, device };
  let worker: Worker | undefined;
  return {
    ...{ router, engine, platform },
    app: role === 'worker' ? createWorkerApp(deps) : createApp(deps),
    begin() {
      if (role === 'api') return;
      worker = startWorker({
        ...{ platform, log, concurrency: lanesFor(config.workers), retentionMs: config.retentionDays * dayMs },
        handlers: createHandlers({ router, engine, platform }, { ...pacs, study: pacs.handler }),
        ...tuning,
      });
      pacs.start();
    },
    async drain() {
      await pacs.close();
      await worker?.stop();
      await engine.close();
    },
  };
}
