import type { Catalog, DeviceCosts, Variant } from '../core/catalog.ts';
import { type Ms, ms } from '../core/units.ts';

/** The cost per film of each variant, measured on one device. */
export type CostTable = {
  /** The device whose measurements these are. */
  readonly device: string;
  /** Processor or accelerator, runtime, reference film and date. Undefined if the catalog does not say. */
  readonly measuredOn: string | undefined;
  /** The catalog, or `alara catalog measure` on this host. */
  readonly source: 'catalog' | 'host';
  /** Whether the costs contain decoding and resizing. Otherwise they are the time of the graphs alone. */
  readonly withDecoding: boolean;
  /** The cost of a variant for a decoded film. */
  readonly of: (variant: Variant) => Ms;
  /** The cost of decoding a film for a plan: one decoding, for the variant that needs most. */
  readonly decode: (variants: readonly Variant[]) => Ms;
  /** The cost of a plan: one decoding, and each variant. */
  readonly plan: (variants: readonly Variant[]) => Ms;
  /** Everything that the costs of plans depend on, by variant. Ids of readings are derived from it. */
  readonly rows: Readonly<Record<string, number | Row>>;
};

type Row = { readonly ms: number; readonly decodeMs: number };

/**
 * The costs of `device`: those measured on this host, or those of the catalog. If there are none, the costs of the first device on which
 * every variant was measured; the returned `device` says which. A catalog without such a device is refused when it is loaded.
 */
export function costTable(catalog: Catalog, device: string, host?: DeviceCosts): CostTable {
  if (host?.device === device) return tableOf(host.variants, { ...host, source: 'host' });
  const measured = (name: string) => catalog.variants.every((variant) => variant.cost.ms[name]);
  const known = [device, ...catalog.variants.flatMap((variant) => Object.keys(variant.cost.ms))];
  const chosen = known.find(measured);
  if (!chosen) throw new Error('the catalog was not checked: no device has a cost for every variant');
  const rows = Object.fromEntries(
    catalog.variants.map(({ id, cost }) => {
      const [ms, decodeMs] = [cost.ms[chosen] ?? Number.NaN, cost.decodeMs?.[chosen]];
      return [id, decodeMs === undefined ? ms : { ms, decodeMs }];
    }),
  );
  const measuredOn = catalog.variants.map(({ cost }) => cost.measuredOn[chosen]).find((text) => text !== undefined);
  return tableOf(rows, { device: chosen, measuredOn, source: 'catalog' });
}

function tableOf(
  rows: CostTable['rows'],
  { device, measuredOn, source }: Pick<CostTable, 'device' | 'measuredOn' | 'source'>,
): CostTable {
  const rowOf = ({ id }: Variant): Row => {
    const row = rows[id];
    if (row === undefined) throw new Error(`the costs have no row for ${id}`);
    return typeof row === 'number' ? { ms: row, decodeMs: 0 } : row;
  };
  const decode = (variants: readonly Variant[]) => Math.max(0, ...variants.map((variant) => rowOf(variant).decodeMs));
  return {
    device,
    measuredOn,
    source,
    withDecoding: Object.values(rows).some((row) => typeof row !== 'number'),
    of: (variant) => ms(rowOf(variant).ms),
    decode: (variants) => ms(decode(variants)),
    plan: (variants) => ms(variants.reduce((sum, variant) => sum + rowOf(variant).ms, 0) + decode(variants)),
    rows,
  };
}
