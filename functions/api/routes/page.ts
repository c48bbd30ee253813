import { readFile } from 'node:fs/promises';
import type { OpenAPIHono } from '@hono/zod-openapi';

const files = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
} as const;

/** Serve the web page, which uploads a film and shows its reading. */
export function page(app: OpenAPIHono): void {
  // The bundle is in the same folder as web/. This source file is two folders deeper.
  const web = new URL(import.meta.url.endsWith('.ts') ? '../../web/' : './web/', import.meta.url);
  for (const [path, [name, type]] of Object.entries(files)) {
    const bytes = cachedFile(new URL(name, web));
    app.get(path, async (c) => c.body(await bytes(), 200, { 'content-type': type }));
  }
}

/** A file that is read at the first call and then cached in memory. A failed read is repeated at the next call. */
function cachedFile(path: URL): () => Promise<Buffer<ArrayBuffer>> {
  let bytes: Promise<Buffer<ArrayBuffer>> | undefined;
  return () => {
    bytes ??= readFile(path).catch((error) => {
      bytes = undefined;
      throw error;
    });
    return bytes;
  };
}
