/** Bundles the service for the container: npm run build, into dist/. Native packages stay outside the bundle. */
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** onnxruntime-node and sharp are native; piscina, pino and the codecs load files from their own folders. */
export const external = [
  ...['onnxruntime-node', 'sharp', 'piscina', 'pino'],
  ...['dcmjs-codecs', '@cornerstonejs/codec-openjpeg', '@cornerstonejs/codec-openjph'],
];

/** A package whose built file is served unchanged. */
export const served = '@scalar/api-reference';

/** Write the bundle into a folder. Resolves with the files of packages that it contains. */
export async function bundle(out: string, sourcemap: 'linked' | false): Promise<readonly string[]> {
  rmSync(out, { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: { main: here('cli/main.ts'), thread: here('inference/thread.ts'), health: here('image/health.ts') },
    absWorkingDir: here('..'),
    outdir: out,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    mainFields: ['module', 'main'],
    sourcemap,
    metafile: true,
    external,
    // Some bundled packages are CommonJS and call require().
    banner: {
      js: "import { createRequire as alaraRequire } from 'node:module'; const require = alaraRequire(import.meta.url);",
    },
    logLevel: 'info',
  });
  cpSync(here('web'), `${out}/web`, { recursive: true });
  cpSync(here('api/test-films'), `${out}/test-films`, { recursive: true });
  cpSync(here(`../node_modules/${served}/dist/browser/standalone.js`), `${out}/web/scalar.js`);
  return Object.keys(metafile.inputs).filter((path) => path.startsWith('node_modules/'));
}

if (import.meta.main) await bundle(here('../dist'), 'linked');
