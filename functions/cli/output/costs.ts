import type { Router } from '../../inference/router.ts';
import type { CostTable } from '../../routing/cost-table.ts';
import { tell } from './json.ts';
import { paragraph } from './wrap.ts';

/** What costs contain, and where they were measured. `withDecoding` describes costs that contain decoding. */
export function costNote({ measuredOn, source, device, ...costs }: CostTable, withDecoding: string): string {
  const content = costs.withDecoding ? withDecoding : 'Cost: the models alone, without decoding and resizing.';
  const origin = source === 'host' ? ' by alara catalog measure on this host' : '';
  return paragraph(`${content} Measured on ${device}${origin}${measuredOn === undefined ? '' : `: ${measuredOn}`}.`);
}

/** Say what is wrong with the costs, and the fix. */
export function tellCostProblems(json: true | undefined, { costProblems }: Router): void {
  for (const { problem } of costProblems) tell(json, `alara: ${problem}\n`);
}
