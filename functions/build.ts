/** Bundles the service for the container into dist/: npm run build. Native packages stay outside the bundle. */
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const out = here('../dist');

rmSync(out, { recursive: true, force: true });
await build({
  entryPoints: { main: here('cli/main.ts'), worker: here('engine/worker.ts') },
  outdir: out,
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  mainFields: ['module', 'main'],
  sourcemap: 'linked',
  // onnxruntime-node and sharp are native; piscina, pino and dcmjs-codecs find files of theirs beside themselves.
  external: ['onnxruntime-node', 'sharp', 'piscina', 'pino', 'dcmjs-codecs'],
  // Some bundled packages are CommonJS and call require().
  banner: {
    js: "import { createRequire as alaraRequire } from 'node:module'; const require = alaraRequire(import.meta.url);",
  },
  logLevel: 'info',
});
cpSync(here('web'), `${out}/web`, { recursive: true });
cpSync(here('../node_modules/@scalar/api-reference/dist/browser/standalone.js'), `${out}/web/scalar.js`);
