import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { notice, PlanView, RoutedFinding } from '../../core/reading.ts';
import { parseParameters, RouteParameters, textOf } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { accept, strict } from '../http/problem.ts';
import { answers } from '../http/responses.ts';

const Routed = z
  .object({ plan: PlanView, findings: z.array(RoutedFinding), notice: z.literal(notice) })
  .meta({ id: 'Route', description: 'The variants that would run for a request, with the reasons.' });

const dryRun = createRoute({
  method: 'get',
  path: '/v1/routes',
  summary: 'The plan of a request, without a film',
  description: 'A dry run with the query of POST /v1/readings.',
  request: { query: RouteParameters },
  responses: {
    200: { description: 'The plan', content: { 'application/json': { schema: Routed } } },
    ...answers(400, 422),
  },
});

export function routes(app: OpenAPIHono, { router }: Deps): void {
  app.openapi(
    dryRun,
    (c) => {
      const request = accept(parseParameters(textOf(c.req.valid('query')), router.vocabulary));
      const { plan, findings } = accept(router.plan(request));
      return c.json({ plan, findings: [...findings], notice }, 200);
    },
    strict(RouteParameters),
  );
}
