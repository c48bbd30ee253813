import type { Command } from 'commander';
import { notice, type PlanView, type RoutedFinding } from '../../core/reading.ts';
import { openRouter } from '../../inference/router.ts';
import { readConfig } from '../../platform/config.ts';
import { presentRouted } from '../../results/present-reading.ts';
import { presentAssignment, presentPlan } from '../../routing/present.ts';
import { table } from '../output/table.ts';
import { plan, type RoutingOptions, withRouting } from '../routing-options.ts';

/** `alara route`: show the plan of a request, without a film. */
export function route(program: Command): void {
  withRouting(
    program.command('route').description('Show which variants would run, their cost and the reasons. No film is read.'),
  )
    .option('--json', 'as JSON, like GET /v1/routes')
    .addHelpText(
      'after',
      `
Examples:
  alara route --findings Nodule,Emphysema --policy sabottke-spieler-2020
  alara route --min-auroc 0.7 --best-effort --json`,
    )
    .action(({ json, ...options }: RoutingOptions & { json?: true }) => {
      const router = openRouter(readConfig(process.env));
      const routed = plan(router, options).plan;
      const view = presentPlan(routed, router.costs);
      const findings = routed.assignments.map(presentAssignment);
      process.stdout.write(
        json
          ? `${JSON.stringify({ plan: view, findings: findings.map(presentRouted), notice }, null, 2)}\n`
          : inText(view, findings),
      );
    });
}

function inText({ policy, costDevice, costMs, largest, variants, costVsLargest }: PlanView, findings: RoutedFinding[]) {
  const runs = variants.map(({ id, resolution, costMs, findings }) => [
    id,
    String(resolution),
    costMs.toFixed(1),
    findings.join(', '),
  ]);
  const reasons = findings.map(({ finding, variant, why, passedOver }) =>
    [
      `${finding}: ${variant}\n  ${why}\n`,
      ...passedOver.map((passed) => `  not ${passed.variant}: ${passed.reason}\n`),
    ].join(''),
  );
  return [
    `Policy ${policy}: ${costMs.toFixed(1)} ms per film on ${costDevice}, ${costVsLargest.toFixed(2)} of the cost of always using ${largest.variant} (${largest.costMs.toFixed(1)} ms).\n\n`,
    table(['variant', 'px', 'ms', 'findings'], runs),
    '\n',
    ...reasons,
  ].join('');
}
