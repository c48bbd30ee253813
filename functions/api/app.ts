import { OpenAPIHono, z } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import { requestId } from 'hono/request-id';
import { catalog } from './catalog.ts';
import type { Deps } from './deps.ts';
import { docs } from './docs.ts';
import { docsHeaders, pageHeaders } from './headers.ts';
import { health } from './health.ts';
import { page } from './page.ts';
import { problem, Refusal, strict } from './problem.ts';
import { problems } from './problems.ts';
import { readings } from './readings.ts';
import { routes } from './routes.ts';

/** The whole API over its dependencies. Tests call `app.request()`; `server.ts` listens. */
export function createApp(deps: Deps): OpenAPIHono {
  // Resources that take no query refuse one; those that do bring their own hook.
  const app = new OpenAPIHono({ defaultHook: strict(z.object({})) });

  app.use(requestId());
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

  app.onError((error, c) => {
    if (error instanceof Refusal) return problem(c, error.fault);
    if (error instanceof HTTPException) return error.getResponse();
    deps.log.error({
      requestId: c.get('requestId'),
      error: { name: error.name, message: error.message, stack: error.stack },
    });
    return problem(c, { code: 'internal' });
  });
  app.notFound((c) => problem(c, { code: 'not_found', path: c.req.path }));

  for (const resource of [readings, routes, catalog, health, problems, docs, page]) resource(app, deps);
  return app;
}
