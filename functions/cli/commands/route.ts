import type { Command } from 'commander';
import { notice, type PlannedFinding, type PlanView } from '../../core/reading.ts';
import { openRouter } from '../../inference/router.ts';
import { readConfig } from '../../platform/config.ts';
import { presentRouted } from '../../results/present-reading.ts';
import type { CostTable } from '../../routing/cost-table.ts';
import { presentAssignments, presentPlan } from '../../routing/present.ts';
import { help } from '../help.ts';
import { costNote, tellCostProblems } from '../output/costs.ts';
import { type JsonOption, show, withJson } from '../output/json.ts';
import { table } from '../output/table.ts';
import { paragraph } from '../output/wrap.ts';
import { addRoutingOptions, planFromOptions, type RoutingOptions } from '../routing-options.ts';

/** `alara route`: show the plan of a request, without a film. */
export function route(program: Command): void {
  const command = addRoutingOptions(
    program.command('route').description('Show which variants would run, their cost and the reasons. No film is read.'),
  );
  help(withJson(command, 'print one JSON document, like GET /v1/routes'), {
    example: 'alara route --findings Nodule,Emphysema --policy sabottke-spieler-2020',
  }).action(({ json, ...options }: RoutingOptions & JsonOption) => {
    const router = openRouter(readConfig(process.env));
    tellCostProblems(json, router);
    const routed = planFromOptions(router, options).plan;
    const view = presentPlan(routed, router.costs);
    const findings = presentAssignments(routed);
    show(json, { plan: view, findings: findings.map(presentRouted), notice }, () =>
      inText(view, findings, router.costs),
    );
  });
}

function inText(
  { policy, costDevice, costMs, decodeMs = 0, largest, variants, costVsLargest }: PlanView,
  findings: PlannedFinding[],
  costs: CostTable,
) {
  const runs = variants.map(({ id, resolution, costMs, findings }) => [
    id,
    String(resolution),
    costMs.toFixed(1),
    findings.join(', '),
  ]);
  const reasons = findings.map(({ finding, variant, operatingPoint, why, explanation, passedOver }) =>
    [
      `${finding}: ${variant}, operating point ${operatingPoint.name}\n`,
      paragraph(explanation ?? why, '  ', '  '),
      ...passedOver.map((passed) => paragraph(passed.reason, '    ', `  not ${passed.variant}: `)),
    ].join(''),
  );
  return [
    paragraph(
      `Policy ${policy}: ${costMs.toFixed(1)} ms per film on ${costDevice}, ${costVsLargest.toFixed(2)} of the cost of always using ${largest.variant} (${largest.costMs.toFixed(1)} ms).`,
    ),
    '\n',
    table(['variant', 'px', 'ms', 'findings'], runs),
    '\n',
    costNote(
      costs,
      `Cost of a variant: resizing, tensor and inference. The plan also contains ${decodeMs.toFixed(1)} ms for decoding.`,
    ),
    '\n',
    ...reasons,
  ].join('');
}
