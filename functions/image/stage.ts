/** Creates the folder that becomes /app of the image: node functions/image/stage.ts <folder>. The Dockerfile runs it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, external, served } from '../build.ts';
import { shipped } from './sbom.ts';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Fill a folder with the bundle, the packages that stay outside it, the models and the bill of materials. */
async function stage(out: string): Promise<void> {
  await bundle(out, false);
  for (const folder of closure(root, external)) copyPackage(folder, join(out, relative(root, folder)));
  for (const path of ['models', 'LICENSE']) cpSync(join(root, path), join(out, path), { recursive: true });

  const { name, version, license, type, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  // Without `type`, Node.js would load the bundle as CommonJS.
  writeFileSync(join(out, 'package.json'), JSON.stringify({ name, version, license, type }));
  const npm = ['sbom', '--sbom-format', 'cyclonedx'];
  const bom = execFileSync('npm', npm, { cwd: root, maxBuffer: 2 ** 28, stdio: ['ignore', 'pipe', 'ignore'] });
  const bill = shipped(JSON.parse(bom.toString()), Object.keys(dependencies), served);
  writeFileSync(join(out, 'sbom.cdx.json'), JSON.stringify(bill, null, 1));
  // The image runs as another user than the builder, whose umask may deny access to others.
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true }))
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  chmodSync(out, 0o755);
}

/** Copy a package without nested packages. Nested packages that are needed are copied separately. */
function copyPackage(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const filter = (path: string) => path !== join(from, 'node_modules') && !isDead(path, process);
  cpSync(from, to, { recursive: true, filter });
}

/** Bytes of each part. */
function sizes(out: string): Record<string, number> {
  const parts: Record<string, number> = {};
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const part = partOf(relative(out, path));
    parts[part] = (parts[part] ?? 0) + statSync(path).size;
  }
  return parts;
}

function partOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  if (first !== 'node_modules') return first === 'models' ? 'models' : first === 'web' ? 'web' : 'bundle';
  if (/sharp|@img/.test(second)) return 'sharp and libvips';
  return second === 'onnxruntime-node' ? second : 'other packages';
}

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
function closure(root: string, names: readonly string[]): ReadonlySet<string> {
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
function isDead(path: string, { platform, arch }: Pick<NodeJS.Process, 'platform' | 'arch'>): boolean {
  if (/\.(map|d\.[cm]?ts)$/.test(path)) return true;
  const [, inside] = path.split('node_modules/onnxruntime-node/');
  if (inside === undefined) return false;
  if (inside.startsWith('script')) return true;
  const [, at = platform, of = arch] = /^bin\/napi-v\d+\/([^/]+)(?:\/([^/]+))?/.exec(inside) ?? [];
  return at !== platform || of !== arch;
}

if (import.meta.main) {
  const [out] = process.argv.slice(2);
  if (!out) throw new Error('name the folder: node functions/image/stage.ts <folder>');
  await stage(out);
  const bytes = sizes(out);
  const all = Object.values(bytes).reduce((sum, each) => sum + each, 0);
  for (const [part, size] of [...Object.entries(bytes), ['together', all] as const])
    console.log(`${part.padEnd(20)}${(size / 1e6).toFixed(1).padStart(8)} MB`);
}
