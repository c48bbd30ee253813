import { type Command, Option } from 'commander';
import { type OperatingPointName, operatingPointNames } from '../core/catalog.ts';
import type { Router } from '../inference/router.ts';
import { type Plan, route } from '../routing/cheapest-plan.ts';
import { parseParameters } from '../routing/parameters.ts';
import type { ReadRequest } from '../routing/request.ts';
import { unwrap } from './errors.ts';

/** The options that decide which variants run. They have the names of the API's query parameters. */
export type RoutingOptions = {
  findings?: string;
  minAuroc?: string;
  policy?: string;
  variant?: string;
  operatingPoint?: OperatingPointName;
  bestEffort?: true;
};

/** Add the routing options to a command. */
export const addRoutingOptions = (command: Command): Command =>
  command
    .option('--findings <names>', 'comma-separated findings; default: all findings of the family')
    .option(
      '--min-auroc <target>',
      'least AUROC at the lower end of the confidence interval: 0.7, or Nodule:0.6,Edema:0.8',
    )
    .option('--policy <name>', 'a policy, such as sabottke-spieler-2020; default: the policy of the family')
    .option('--variant <id>', 'use this variant for every finding; alara catalog show lists the variants')
    .addOption(
      new Option(
        '--operating-point <name>',
        'where calls change; default: that of the policy, otherwise specific where it was measured',
      ).choices(operatingPointNames),
    )
    .option(
      '--best-effort',
      'if no variant meets the target of a finding, use the nearest variant, with meetsTarget false',
    );

/** Parse options into a request and its plan. A plan depends on no film, so errors are reported before any film is read. */
export function planFromOptions(
  { family, costs, vocabulary }: Router,
  { bestEffort, ...text }: RoutingOptions & { explain?: 'heatmap'; prevalence?: string },
): { request: ReadRequest; plan: Plan } {
  const request = unwrap(parseParameters({ ...text, ...(bestEffort && { bestEffort: 'true' }) }, vocabulary));
  const policy = family.policies[request.policy];
  if (!policy) throw new Error(`the validated policy ${request.policy} is not in the family`);
  return { request, plan: unwrap(route(family.catalog, policy, costs, request)) };
}
