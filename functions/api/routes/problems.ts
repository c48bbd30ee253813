import type { OpenAPIHono } from '@hono/zod-openapi';
import { html } from 'hono/html';
import type { FaultCode } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';
import { Refusal } from '../http/problem.ts';

/** The help page that the `type` of a problem points to. */
export function problems(app: OpenAPIHono): void {
  app.get('/problems/:code', (c) => {
    const { code } = c.req.param();
    if (!Object.hasOwn(advice, code)) throw new Refusal({ code: 'not_found', path: c.req.path });
    const { title, fix, status } = advice[code as FaultCode];
    return c.html(html`<!doctype html>
      <html lang="en">
        <meta charset="utf-8" />
        <title>${title} · Alara</title>
        <link rel="stylesheet" href="/page.css" />
        <main>
          <h1>${title}</h1>
          <p>${fix}</p>
          <p>HTTP ${status}, code <code>${code}</code>. All operations are described in <a href="/docs">/docs</a>.</p>
        </main>
      </html>`);
  });
}
