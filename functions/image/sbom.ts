/** The parts of a CycloneDX document that are read here. */
export type Bom = {
  readonly metadata: { readonly component: { readonly 'bom-ref': string } };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
};
type Component = {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
};

/** npm marks what only a development dependency brings. Here such a package is shipped. */
const development = 'cdx:npm:package:development';

/**
 * The shipped part of a project's bill of materials: its dependencies with everything below them, and one package of which only a built
 * file is served. The content of that file is not known here, so the package is listed alone.
 */
export function shipped(bom: Bom, packages: readonly string[], built: string): Bom {
  const names = [...packages, built];
  const root = bom.metadata.component['bom-ref'];
  const below = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const nameOf = new Map(bom.components.map((component) => [component['bom-ref'], component.name]));
  const chosen = (below.get(root) ?? []).filter((ref) => names.includes(nameOf.get(ref) ?? ''));
  const missing = names.filter((name) => !chosen.some((ref) => nameOf.get(ref) === name));
  if (missing.length > 0) throw new Error(`not in the bill of materials: ${missing.join(', ')}`);

  const isBuilt = (ref: string) => nameOf.get(ref) === built;
  const kept = new Set(chosen);
  for (const ref of kept) if (!isBuilt(ref)) for (const needed of below.get(ref) ?? []) kept.add(needed);
  return {
    ...bom,
    components: bom.components
      .filter((component) => kept.has(component['bom-ref']))
      .map(({ properties = [], ...component }) => ({
        ...component,
        properties: properties.filter(({ name }) => name !== development),
      })),
    dependencies: [
      { ref: root, dependsOn: chosen },
      ...bom.dependencies.filter(({ ref }) => kept.has(ref) && !isBuilt(ref)),
    ],
  };
}
