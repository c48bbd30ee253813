import { readFile } from 'node:fs/promises';
import type { OpenAPIHono } from '@hono/zod-openapi';

const files = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
} as const;

/** The page that reads a dropped film. */
export function page(app: OpenAPIHono): void {
  // Beside this file when bundled, one folder up from source.
  const web = new URL(import.meta.url.endsWith('.ts') ? '../web/' : './web/', import.meta.url);
  for (const [path, [name, type]] of Object.entries(files))
    app.get(path, async (c) => c.body(await readFile(new URL(name, web)), 200, { 'content-type': type }));
}
