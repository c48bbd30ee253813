import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Packages that only an installer needs. It downloads CUDA libraries, which {@link file://./provider.ts} does instead. */
const installOnly: Readonly<Record<string, readonly string[]>> = {
  'onnxruntime-node': ['adm-zip', 'global-agent'],
};

type Manifest = {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/**
 * The folders of packages and of their run-time dependencies, resolved as Node.js resolves them. Optional packages are those that
 * npm installed on this platform.
 */
export function closure(root: string, names: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (name: string, from: string, optional: boolean) => {
    const folder = resolve(name, from, root);
    if (!folder && optional) return;
    if (!folder) throw new Error(`${name}, which ${from} needs, is not installed`);
    if (found.has(folder)) return;
    found.add(folder);
    const { dependencies = {}, optionalDependencies = {} } = manifest(folder);
    const skipped = installOnly[name] ?? [];
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies }))
      if (!skipped.includes(needed)) visit(needed, folder, needed in optionalDependencies);
  };
  for (const name of names) visit(name, root, false);
  return found;
}

const manifest = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function resolve(name: string, from: string, root: string): string | undefined {
  const folder = join(from, 'node_modules', name);
  if (existsSync(join(folder, 'package.json'))) return folder;
  return from === root ? undefined : resolve(name, dirname(from), root);
}

/** Whether a file of a package is not needed at run time: other platforms, declarations, source maps, installers. */
export function isDead(path: string, { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'>): boolean {
  if (/\.(map|d\.[cm]?ts)$/.test(path)) return true;
  const [, inside] = path.split('node_modules/onnxruntime-node/');
  if (inside === undefined) return false;
  if (inside.startsWith('script')) return true;
  const [, at = platform, of = arch] = /^bin\/napi-v\d+\/([^/]+)(?:\/([^/]+))?/.exec(inside) ?? [];
  return at !== platform || of !== arch;
}
