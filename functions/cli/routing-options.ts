import type { Command } from 'commander';
import type { Router } from '../inference/router.ts';
import { type Plan, route } from '../routing/cheapest-plan.ts';
import { parseParameters } from '../routing/parameters.ts';
import type { ReadRequest } from '../routing/request.ts';
import { accept } from './errors.ts';

/** The options that decide which variants run. They have the names of the API's query parameters. */
export type RoutingOptions = {
  findings?: string;
  minAuroc?: string;
  policy?: string;
  variant?: string;
  bestEffort?: true;
};

/** Add the routing options to a command. */
export const withRouting = (command: Command): Command =>
  command
    .option('--findings <names>', 'comma-separated findings; default: all findings of the family')
    .option('--min-auroc <target>', 'AUROC to reach by the lower end of its interval: 0.7, or Nodule:0.6,Edema:0.8')
    .option('--policy <name>', 'a policy, such as sabottke-spieler-2020; default: the policy of the family')
    .option('--variant <id>', 'use this variant for every finding; alara catalog show lists the variants')
    .option('--best-effort', 'serve a finding whose target no variant meets with the nearest variant, flagged');

/** Parse options into a request and its plan. A plan depends on no film, so a plan that fails does so before a film is read. */
export function plan(
  { family, costs, vocabulary }: Router,
  { bestEffort, ...text }: RoutingOptions & { explain?: 'heatmap'; prevalence?: string },
): { request: ReadRequest; plan: Plan } {
  const request = accept(parseParameters({ ...text, ...(bestEffort && { bestEffort: 'true' }) }, vocabulary));
  const policy = family.policies[request.policy];
  if (!policy) throw new Error(`policy ${request.policy} was checked with the parameters`);
  return { request, plan: accept(route(family.catalog, policy, costs, request)) };
}
