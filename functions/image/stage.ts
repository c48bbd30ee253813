/** Creates the folder that becomes /app of the image: node functions/image/stage.ts <folder>. The Dockerfile runs it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, external, served } from '../build.ts';
import { closure, isDead } from './packages.ts';
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

if (import.meta.main) {
  const [out] = process.argv.slice(2);
  if (!out) throw new Error('name the folder: node functions/image/stage.ts <folder>');
  await stage(out);
  const bytes = sizes(out);
  const all = Object.values(bytes).reduce((sum, each) => sum + each, 0);
  for (const [part, size] of [...Object.entries(bytes), ['together', all] as const])
    console.log(`${part.padEnd(20)}${(size / 1e6).toFixed(1).padStart(8)} MB`);
}
