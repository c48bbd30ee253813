import type { OpenAPIHono } from '@hono/zod-openapi';
import { sharedFile } from '../http/shared-file.ts';

const files = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
} as const;

/** The page that reads a dropped film. */
export function page(app: OpenAPIHono): void {
  // Beside this file when bundled, two folders up from source.
  const web = new URL(import.meta.url.endsWith('.ts') ? '../../web/' : './web/', import.meta.url);
  for (const [path, [name, type]] of Object.entries(files)) {
    const bytes = sharedFile(new URL(name, web));
    app.get(path, async (c) => c.body(await bytes(), 200, { 'content-type': type }));
  }
}
