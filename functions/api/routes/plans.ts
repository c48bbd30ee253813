import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { notice, PlanView, RoutedFinding } from '../../core/reading.ts';
import { parseParameters, RouteParameters } from '../../routing/parameters.ts';
import { presentAssignment, presentPlan } from '../../routing/present.ts';
import { route } from '../../routing/route.ts';
import type { Deps } from '../deps.ts';
import { accept, Refusal, strict } from '../http/problem.ts';
import { answers } from '../http/responses.ts';

const Routed = z
  .object({ plan: PlanView, findings: z.array(RoutedFinding), notice: z.literal(notice) })
  .meta({ id: 'Route', description: 'What would run for a request, and why.' });

const dryRun = createRoute({
  method: 'get',
  path: '/v1/routes',
  summary: 'The plan alone, with no film',
  description: 'A dry run of the same query as POST /v1/readings.',
  request: { query: RouteParameters },
  responses: {
    200: { description: 'The plan', content: { 'application/json': { schema: Routed } } },
    ...answers(400, 422),
  },
});

export function routes(app: OpenAPIHono, { router }: Deps): void {
  const { family, costs, vocabulary } = router;
  app.openapi(
    dryRun,
    (c) => {
      const request = accept(parseParameters(c.req.valid('query'), vocabulary));
      const policy = family.policies[request.policy];
      if (!policy)
        throw new Refusal({ code: 'unknown_policy', policy: request.policy, known: Object.keys(family.policies) });
      const plan = accept(route(family.catalog, policy, costs, request));
      return c.json({ plan: presentPlan(plan, costs), findings: plan.assignments.map(presentAssignment), notice }, 200);
    },
    strict(RouteParameters),
  );
}
