import type { LoadedFamily } from '../../functions/models/load.ts';
import { costTable } from '../../functions/routing/cost-table.ts';
import { route } from '../../functions/routing/route.ts';

/** Which findings a reading asks for, and what the router makes of it. */
export type Mix = {
  readonly name: string;
  readonly findings: readonly string[];
  readonly variants: readonly string[];
  readonly largest: string;
  readonly cpu: Both;
  /** Undefined where no GPU was measured and no time was given. */
  readonly gpu: Both | undefined;
};

/** Milliseconds of inference for a film: routed, and always on the cheapest variant of the highest resolution. */
export type Both = { readonly routed: number; readonly largest: number };

/** Where times on a GPU come from. */
export type GpuTime = 'measured' | 'assumed' | 'unknown';

export const gpuTimeOf = ({ catalog }: LoadedFamily, gpuMs: number | undefined): GpuTime =>
  costTable(catalog, 'cuda').device === 'cuda' ? 'measured' : gpuMs === undefined ? 'unknown' : 'assumed';

/**
 * Route a mix by the family's own policy. `gpuMs` is what the largest variant takes on a GPU: it counts only where the
 * catalog has no measurement, and what is routed is then scaled as on the processor. Throws for an unknown finding.
 */
export function mixOf(family: LoadedFamily, name: string, findings: readonly string[], gpuMs?: number): Mix {
  const policy = family.policies[family.ownPolicy];
  if (!policy) throw new Error('a family is loaded with its own policy');
  const on = (device: string) => {
    const costs = costTable(family.catalog, device);
    const routed = route(family.catalog, policy, costs, { findings, minAuroc: {}, bestEffort: true });
    if (!routed.ok) throw new MixError(`${findings.join(', ')}: ${reasonOf(routed.fault)}`);
    return { device: costs.device, plan: routed.value };
  };
  const cpu = on('cpu').plan;
  const both: Both = { routed: cpu.costMs, largest: cpu.largest.costMs };
  const cuda = on('cuda');
  const gpu =
    cuda.device === 'cuda'
      ? { routed: cuda.plan.costMs, largest: cuda.plan.largest.costMs }
      : gpuMs === undefined
        ? undefined
        : { routed: (gpuMs * both.routed) / both.largest, largest: gpuMs };
  const variants = cpu.runs.map(({ variant }) => variant.id);
  return { name, findings, variants, largest: cpu.largest.variant.id, cpu: both, gpu };
}

export class MixError extends Error {
  override name = 'MixError';
}

const reasonOf = (fault: { readonly code: string; readonly known?: readonly string[] }): string =>
  fault.known ? `${fault.code}. Known: ${fault.known.join(', ')}.` : fault.code;

/** All findings at once, and each alone: those that are read alike are one mix. */
export function usualMixes(family: LoadedFamily, gpuMs?: number): readonly Mix[] {
  const { findings } = family.catalog;
  const alone = Map.groupBy(
    findings.map((finding) => mixOf(family, finding, [finding], gpuMs)),
    ({ variants }) => variants.join(),
  );
  const groups = [...alone.values()].flatMap((mixes) => {
    const [first] = mixes;
    if (!first) return [];
    const names = mixes.map(({ name }) => name);
    const name = names.length > 3 ? `one of ${names.length} others` : `${names.join(' or ')} alone`;
    return [{ ...first, name, findings: names }];
  });
  return [mixOf(family, `all ${findings.length} findings`, findings, gpuMs), ...groups];
}
