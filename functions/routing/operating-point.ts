import { type Catalog, type Head, type OperatingPointName, operatingPointNames } from '../core/catalog.ts';

/** The operating points that a head has, the default first. */
export const measuredPoints = ({ operatingPoints }: Pick<Head, 'operatingPoints'>): OperatingPointName[] =>
  operatingPointNames.filter((name) => operatingPoints[name] !== undefined);

/** The default operating point of findings, if every head of every finding has the same one. */
export function commonDefault({ variants }: Catalog, findings: readonly string[]): OperatingPointName | undefined {
  const heads = variants.flatMap(({ heads }) => findings.flatMap((finding) => heads[finding] ?? []));
  const [name, ...others] = new Set(heads.map((head) => measuredPoints(head)[0]));
  return others.length === 0 ? name : undefined;
}
