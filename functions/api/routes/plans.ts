import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { notice, PlanView } from '../../core/reading.ts';
import { RoutedFindingView } from '../../core/reading-view.ts';
import { presentRouted } from '../../results/present-reading.ts';
import { parseParameters, RouteParameters, textOf } from '../../routing/parameters.ts';
import type { Deps } from '../deps.ts';
import { strictQuery, unwrap } from '../http/problem.ts';
import { planCodes, problemResponses } from '../http/responses.ts';
import { tagNames } from '../http/tags.ts';

const Routed = z
  .object({
    plan: PlanView,
    findings: z
      .array(RoutedFindingView)
      .meta({ description: 'One entry per finding asked for, in the order of the catalog.' }),
    notice: z.literal(notice).meta({ description: 'The limit of use. Show it with every result.' }),
  })
  .meta({ id: 'Route', description: 'The variants that would run for a request, with the reasons.' });

const dryRun = createRoute({
  method: 'get',
  path: '/v1/routes',
  operationId: 'getPlan',
  tags: [tagNames.readings],
  summary: 'The plan of a request, without a film',
  description: 'A dry run with the query of POST /v1/readings.',
  request: { query: RouteParameters },
  responses: {
    200: { description: 'The plan', content: { 'application/json': { schema: Routed } } },
    ...problemResponses(...planCodes, 'unreachable_target'),
  },
});

export function routes(app: OpenAPIHono, { router }: Deps): void {
  app.openapi(
    dryRun,
    (c) => {
      const request = unwrap(parseParameters(textOf(c.req.valid('query')), router.vocabulary));
      const { plan, findings } = unwrap(router.plan(request));
      return c.json({ plan, findings: findings.map(presentRouted), notice }, 200);
    },
    strictQuery(RouteParameters),
  );
}
