import type { OpenAPIHono } from '@hono/zod-openapi';
import about from '../../package.json' with { type: 'json' };
import { messageOf } from '../core/errors.ts';
import type { Engine } from '../inference/pool.ts';
import { openSource, type Serving } from '../inference/provider.ts';
import { createReloading } from '../inference/reload.ts';
import type { Router } from '../inference/router.ts';
import type { Handlers } from '../jobs/handler.ts';
import { createWebhookLimits, maxWebhooks } from '../jobs/handlers/webhook-limits.ts';
import { createHandlers } from '../jobs/handlers.ts';
import { type Runner, type RunnerOptions, startRunner } from '../jobs/runner.ts';
import { readPacsConfig } from '../pacs/config.ts';
import { openPacs, type Pacs } from '../pacs/connections.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { createBudget } from '../platform/memory-budget.ts';
import { openPlatform } from '../storage/open-storage.ts';
import type { Platform } from '../storage/platform.ts';
import { isOpenToOthers } from '../storage/sqlite/permissions.ts';
import { createApp, createRunnerApp } from './app.ts';
import { createOverloadRule, createRateRule, type HeadRule } from './connection/overload.ts';
import type { Deps } from './deps.ts';
import { createRateLimiter } from './http/rate-limiter.ts';

/** The parts of a running service. No socket is open: `fetch` answers. */
export type Service = {
  /** Answer a request. One request uses one family from its beginning to its end. */
  fetch(request: Request, bindings?: object): Promise<Response>;
  /** Refuse a request by its head if the engine has no place for its film. */
  readonly refuse: HeadRule;
  /** The API, the router and the engine of the current family. */
  readonly app: OpenAPIHono;
  readonly router: Router;
  readonly engine: Engine;
  readonly platform: Platform;
  /** Start to run jobs. */
  begin(): void;
  /** Poll for a promoted family now. */
  look(): Promise<void>;
  /** Take nothing new from a PACS or the queue, and finish or return the jobs that are held. */
  drain(): Promise<void>;
};

/** The parts of the service that belong to one family. */
type Generation = Serving & { readonly app: OpenAPIHono; readonly pacs: Pacs; readonly handlers: Handlers };

const dayMs = 86_400_000;

/**
 * The number of concurrent jobs. Jobs that wait for a PACS must not delay films, which are queued by the engine anyway. Each webhook in
 * flight also takes one place.
 */
const lanesFor = (workers: number) => workers + 4 + maxWebhooks;

/** The composition root: build the service for its role. Throws ConfigError or CatalogError. */
export async function assemble(
  config: Config,
  log: Logger,
  tuning: Partial<Pick<RunnerOptions, 'retry' | 'visibilityMs' | 'graceMs' | 'concurrency' | 'random'>> = {},
): Promise<Service> {
  const settings = config.pacs === undefined ? null : readPacsConfig(config.pacs);
  for (const [name, { tenant, orthanc, poll, results }] of Object.entries(settings ?? {})) {
    const kind = orthanc === undefined ? 'DICOMweb' : 'Orthanc';
    const polled = [...(orthanc === undefined ? [] : ['change log']), ...(poll ? ['QIDO-RS'] : [])];
    log.info({ event: 'pacs_configured', pacs: name, kind, tenant, polled, results }, 'a PACS is connected');
  }
  const source = await openSource(config, log);
  const platform = await openPlatform(config);
  if (config.platform.kind === 'embedded' && isOpenToOthers(config.platform.folder))
    log.warn({ event: 'data_folder_open' }, 'other users may write into ALARA_DATA: run chmod go-w on it');
  const budget = createBudget(config.bufferBytes);
  const { authRequired, corsOrigins, maxBodyBytes, maxUploadBytes, device, role } = config;
  const webhookLimits = createWebhookLimits();
  const rateLimiter = createRateLimiter(config.rateLimits);
  let runner: Runner | undefined;

  function generation(serving: Serving): Generation {
    const { router, engine } = serving;
    const pacs = openPacs(settings, { router, engine, platform, budget, log, version: about.version });
    const limits = { budget, maxBodyBytes, maxUploadBytes };
    const deps: Deps = {
      router,
      engine,
      platform,
      pacs,
      log,
      authRequired,
      corsOrigins,
      rateLimiter,
      ...limits,
      device,
    };
    return {
      ...serving,
      pacs,
      app: role === 'worker' ? createRunnerApp(deps) : createApp(deps),
      handlers: createHandlers({ router, engine, platform, budget }, { ...pacs, study: pacs.handler }, webhookLimits),
    };
  }

  const generations = createReloading<Generation>({
    first: generation(await source.first()),
    async next(current) {
      const serving = await source.next?.(current);
      if (!serving) return undefined;
      try {
        return generation(serving);
      } catch (error) {
        // The new family lacks a policy or finding that a PACS is configured to request.
        await serving.engine.close();
        throw error;
      }
    },
    ...(source.next && { everyMs: config.pointerMs }),
    async switched(current, before) {
      log.info({ event: 'models_replaced', from: before.name, to: current.name });
      await before.pacs.close();
      if (runner) current.pacs.start();
    },
    close: ({ engine }) => engine.close(),
    failed: (error) => log.warn({ event: 'models_not_looked_up', problem: messageOf(error) }),
  });
  const { use } = generations;
  // One job uses one family from its beginning to its end.
  const handlers: Handlers = {
    film: (job, work) => use((serving) => serving.handlers.film(job, work)),
    instances: (job, work) => use((serving) => serving.handlers.instances(job, work)),
    study: (job, work) => use((serving) => serving.handlers.study(job, work)),
    webhook: (job, work) => use((serving) => serving.handlers.webhook(job, work)),
  };

  const engine = () => generations.current().engine;
  const overloadRule = createOverloadRule({ platform, authRequired, corsOrigins }, engine, rateLimiter);
  const rateRule = rateLimiter && createRateRule(corsOrigins, rateLimiter);

  return {
    fetch: (request, bindings) => use(async ({ app }) => app.fetch(request, bindings)),
    refuse: role === 'worker' ? () => undefined : (incoming) => rateRule?.(incoming) ?? overloadRule(incoming),
    get app() {
      return generations.current().app;
    },
    get router() {
      return generations.current().router;
    },
    get engine() {
      return generations.current().engine;
    },
    platform,
    look: generations.look,
    begin() {
      if (role === 'api') return;
      runner = startRunner({
        ...{ platform, log, concurrency: lanesFor(config.workers), retentionMs: config.retentionDays * dayMs },
        handlers,
        ...tuning,
      });
      generations.current().pacs.start();
    },
    async drain() {
      const replaced = generations.stop();
      const { pacs, engine } = generations.current();
      await pacs.close();
      await runner?.stop();
      await engine.close();
      await replaced;
    },
  };
}
