import type { Catalog, Variant } from '../core/catalog.ts';
import { type Ms, ms } from '../core/units.ts';

/** The cost per film of each variant, measured on one device. */
export type CostTable = {
  /** The device whose measurements these are. */
  readonly device: string;
  readonly of: (variant: Variant) => Ms;
  readonly rows: Readonly<Record<string, number>>;
};

/**
 * The costs of `device`, or of the first device on which every variant was measured; the returned `device` says which. A catalog
 * without such a device is refused when it is loaded.
 */
export function costTable(catalog: Catalog, device: string): CostTable {
  const measured = (name: string) => catalog.variants.every((variant) => variant.cost.ms[name]);
  const known = [device, ...catalog.variants.flatMap((variant) => Object.keys(variant.cost.ms))];
  const chosen = known.find(measured);
  if (!chosen) throw new Error('the catalog was not checked: no device has a cost for every variant');
  const rows = Object.fromEntries(catalog.variants.map(({ id, cost }) => [id, cost.ms[chosen] ?? Number.NaN]));
  return { device: chosen, rows, of: ({ cost }) => ms(cost.ms[chosen] ?? Number.NaN) };
}
