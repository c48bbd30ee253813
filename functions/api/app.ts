import { OpenAPIHono, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { redactedError } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import { advice } from '../core/fault-status.ts';
import { ms } from '../core/units.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';
import { BlobTooLarge, QuotaExceeded } from '../storage/blobs.ts';
import type { Deps } from './deps.ts';
import { authenticate, describeAccess } from './http/auth.ts';
import { storeNothing } from './http/caching.ts';
import { decodeContent } from './http/content-encoding.ts';
import { allowOrigins } from './http/cors.ts';
import { docsHeaders, pageHeaders } from './http/headers.ts';
import { negotiate } from './http/negotiation.ts';
import { problem, Refusal, strictQuery } from './http/problem.ts';
import { limitRate } from './http/rate-limit.ts';
import { requestId } from './http/request-id.ts';
import { describeCommonResponses } from './http/responses.ts';
import { batches } from './routes/batches.ts';
import { catalog } from './routes/catalog.ts';
import { docs } from './routes/docs.ts';
import { health } from './routes/health.ts';
import { hooks } from './routes/hooks.ts';
import { jobs } from './routes/jobs.ts';
import { answerOtherMethods } from './routes/other-methods.ts';
import { page } from './routes/page.ts';
import { routes } from './routes/plans.ts';
import { problems } from './routes/problems.ts';
import { readingList } from './routes/reading-list.ts';
import { readings } from './routes/readings.ts';
import { reports } from './routes/reports.ts';
import { testFilms } from './routes/test-films.ts';
import { uploads } from './routes/uploads.ts';
import { webhooks } from './routes/webhooks.ts';
import { stow } from './stow/route.ts';

const resources = [
  readings,
  batches,
  readingList,
  reports,
  testFilms,
  routes,
  catalog,
  uploads,
  jobs,
  stow,
  hooks,
  health,
  problems,
  webhooks,
  docs,
  page,
];

/** The whole API over its dependencies. Tests call `app.request()`; `server.ts` listens. */
export const createApp = (deps: Deps): OpenAPIHono => serveResources(deps, resources);

/** The app of a process that only runs jobs: its health routes. */
export const createRunnerApp = (deps: Deps): OpenAPIHono => serveResources(deps, [health]);

function serveResources(deps: Deps, mounted: readonly ((app: OpenAPIHono, deps: Deps) => void)[]): OpenAPIHono {
  // Routes without query parameters refuse a query. Routes with parameters have their own hook.
  const app = new OpenAPIHono({ defaultHook: strictQuery(z.object({})) });

  app.use(requestId);
  app.use(storeNothing);
  app.use((c, next) => (c.req.path === '/docs' ? docsHeaders : pageHeaders)(c, next));
  app.use(async (c, next) => {
    const start = performance.now();
    await next();
    const { method, routePath } = c.req;
    deps.log.info({
      requestId: c.get('requestId'),
      method,
      route: routePath,
      status: c.res.status,
      ms: Math.round(performance.now() - start),
    });
  });

  app.use(allowOrigins(deps.corsOrigins));

  app.onError((error, c) => {
    if (error instanceof Refusal) {
      const { code } = error.fault;
      // The status alone does not tell the operator what failed.
      if (advice[code].status === 500) deps.log.error({ requestId: c.get('requestId'), ...error.fault });
      return problem(c, error.fault);
    }
    const isGone = c.req.raw.signal.aborted;
    if (error instanceof HTTPException) return problem(c, isGone ? { code: 'client_gone' } : refusalOf(error));
    if (error instanceof QuotaExceeded) return problem(c, { code: 'quota_exceeded', limitBytes: error.limitBytes });
    if (error instanceof BlobTooLarge) return problem(c, { code: 'body_too_large', limitBytes: error.limitBytes });
    // The client is gone, and the error may be a consequence.
    deps.log[isGone ? 'warn' : 'error']({ requestId: c.get('requestId'), error: redactedError(error) });
    if (isGone) return problem(c, { code: 'client_gone' });
    if (error instanceof StoreUnavailable)
      return problem(c, { code: 'store_unavailable', retryAfterMs: ms(error.retryAfterMs) });
    return problem(c, { code: 'internal' });
  });
  app.notFound((c) => problem(c, { code: 'not_found', path: c.req.path }));

  app.use(authenticate(deps));
  app.use(limitRate(deps));
  app.use(negotiate(app));
  app.use(decodeContent);
  for (const mount of mounted) mount(app, deps);
  answerOtherMethods(app);
  describeAccess(app);
  describeCommonResponses(app);
  return app;
}

/** Faults that Hono raises before a handler: a JSON body that cannot be parsed, or another Content-Type than JSON. */
function refusalOf({ status }: HTTPException): Fault {
  if (status === 415) return { code: 'malformed_json', problem: 'Content-Type is not application/json' };
  return { code: 'malformed_json', problem: 'the body cannot be parsed' };
}
