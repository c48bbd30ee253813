import type { Catalog, Policy } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import type { PlannedFinding, PlanView } from '../core/reading.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { type RouteRequest, route } from './cheapest-plan.ts';
import type { CostTable } from './cost-table.ts';
import { presentAssignments, presentPlan } from './present.ts';

/** A model family as the router sees it. */
export type RoutableFamily = {
  readonly catalog: Catalog;
  readonly policies: Readonly<Record<string, Policy>>;
  readonly costs: CostTable;
};

/** The plan for one request, with its explanation. It is plain data: names of variants and texts, so it can be sent to a thread. */
export type RequestPlan = { readonly plan: PlanView; readonly findings: readonly PlannedFinding[] };

/** Plan a request under its policy. Each film is planned once; the plan depends on no film. */
export function planRequest(
  { catalog, policies, costs }: RoutableFamily,
  request: RouteRequest & { readonly policy: string },
): Result<RequestPlan, Fault> {
  const policy = policies[request.policy];
  if (!policy) return fail({ code: 'unknown_policy', policy: request.policy, known: Object.keys(policies) });
  const routed = route(catalog, policy, costs, request);
  if (!routed.ok) return routed;
  return ok({ plan: presentPlan(routed.value, costs), findings: presentAssignments(routed.value) });
}
