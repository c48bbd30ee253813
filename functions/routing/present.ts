import type { PlannedFinding, PlanView } from '../core/reading.ts';
import type { Assignment, Plan } from './cheapest-plan.ts';
import type { CostTable } from './cost-table.ts';
import { basisOf, explain, explainInFull, explainPassedOver } from './explain.ts';

const round = (value: number) => Number(value.toFixed(3));

/** A plan as callers see it. */
export function presentPlan(plan: Plan, costs: CostTable): PlanView {
  return {
    policy: plan.policy,
    costDevice: costs.device,
    ...(costs.measuredOn !== undefined && { costMeasuredOn: costs.measuredOn }),
    costMs: round(plan.costMs),
    ...(costs.withDecoding && { decodeMs: round(plan.decodeMs) }),
    largest: { variant: plan.largest.variant.id, costMs: round(plan.largest.costMs) },
    costVsLargest: round(plan.costMs / plan.largest.costMs),
    variants: plan.runs.map(({ variant, costMs, findings }) => ({
      id: variant.id,
      resolution: variant.resolution,
      precision: variant.precision,
      findings: [...findings],
      costMs: round(costMs),
    })),
  };
}

/** Which variant reads each finding of a plan, on which evidence, and why, with the reasons in full. */
export const presentAssignments = (plan: Plan): PlannedFinding[] =>
  plan.assignments.map((assignment) => ({
    ...presentAssignment(assignment),
    explanation: explainInFull(assignment, plan),
  }));

/** Which variant reads a finding, on which evidence, and why. */
export function presentAssignment(assignment: Assignment): PlannedFinding {
  const { finding, variant, operatingPoint: name, reason, passedOver } = assignment;
  const head = variant.heads[finding];
  const point = head?.operatingPoints[name];
  if (!head || !point) throw new Error(`${variant.id} has no operating point ${name} for ${finding}`);
  const { method: _, ...measured } = point;
  return {
    finding,
    variant: variant.id,
    auroc: head.auroc,
    operatingPoint: { name, ...measured, prevalence: head.prevalence },
    basis: basisOf(reason.rule),
    meetsTarget: reason.kind === 'meets' || (reason.kind === 'pinned' && reason.miss === null),
    why: explain(assignment),
    passedOver: passedOver.map((passed) => ({ variant: passed.variant.id, reason: explainPassedOver(passed) })),
  };
}
