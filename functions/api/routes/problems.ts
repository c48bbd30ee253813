import type { OpenAPIHono } from '@hono/zod-openapi';
import { html } from 'hono/html';
import type { FaultCode } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';
import { Refusal } from '../http/problem.ts';

const page = (title: string, content: ReturnType<typeof html>) => html`<!doctype html>
  <html lang="en">
    <meta charset="utf-8" />
    <title>${title} · Alara</title>
    <link rel="stylesheet" href="/page.css" />
    <main>
      <h1>${title}</h1>
      ${content}
    </main>
  </html>`;

/** The list of all problems, and the help page that the `type` of a problem points to. */
export function problems(app: OpenAPIHono): void {
  const entries = Object.entries(advice).map(
    ([code, { status, title }]) =>
      html`<li><a href="/problems/${code}"><code>${code}</code></a>: ${title} (HTTP ${status})</li>`,
  );
  app.get('/problems', (c) => c.html(page('Problems', html`<ul>${entries}</ul>`)));
  app.get('/problems/:code', (c) => {
    const { code } = c.req.param();
    if (!Object.hasOwn(advice, code)) throw new Refusal({ code: 'not_found', path: c.req.path });
    const { title, fix, status } = advice[code as FaultCode];
    const content = html`<p>${fix}</p>
      <p>
        HTTP ${status}, code <code>${code}</code>. <a href="/problems">/problems</a> lists all codes, and
        <a href="/docs">/docs</a> describes all operations.
      </p>`;
    return c.html(page(title, content));
  });
}
