import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { html } from 'hono/html';
import about from '../../../package.json' with { type: 'json' };
import { notice } from '../../core/reading.ts';
import type { Deps } from '../deps.ts';
import { conditional } from '../http/caching.ts';
import { fixedBody } from '../http/fixed-body.ts';
import { tags } from '../http/tags.ts';
import { sampleHost, withCodeSamples } from './code-samples.ts';
import { withExamples } from './examples.ts';
import { withSharedComponents } from './shared-components.ts';

// The bundle contains a copy of Scalar. The source uses the copy in node_modules.
const bundled = new URL('./web/scalar.js', import.meta.url);
const packaged = new URL('../../../node_modules/@scalar/api-reference/dist/browser/standalone.js', import.meta.url);
const javascript = { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': 'max-age=3600' };
const scalar = fixedBody(() => readFile(existsSync(bundled) ? bundled : packaged), javascript);

// Fetch the document in the browser, to replace the host of its samples with the host of this page.
const startScript = `const document = await (await fetch('/openapi.json')).text();
Scalar.createApiReference('#reference', {
  content: document.replaceAll('${sampleHost}', location.origin),
  modelsSectionLabel: 'Schemas', theme: 'default', darkMode: true, withDefaultFonts: false, hiddenClients: true,
  // These features would send the description of this API to the vendor of Scalar.
  telemetry: false, agent: { disabled: true }, mcp: { disabled: true }, hideClientButton: true, showDeveloperTools: 'never',
  externalUrls: { dashboardUrl: '', registryUrl: '', proxyUrl: '', apiBaseUrl: '' },
});`;

const description = {
  openapi: '3.1.0',
  info: {
    title: 'Alara',
    version: about.version,
    description: `Chest-radiograph inference at the cheapest resolution whose measured accuracy is good enough for the requested finding. ${notice}

The body of an error is a problem document (RFC 9457) with a stable \`code\` and a \`fix\`; \`/problems/{code}\` explains each code, and \`/problems\` lists them. A method that a resource does not support gets 405 \`method_not_allowed\` with \`Allow\`. OPTIONS gets 204 with \`Allow\`. Search, retrieval and worklists of DICOMweb get 501 \`dicomweb_not_offered\`.`,
    license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    contact: { name: 'The operator of this service' },
  },
  servers: [{ url: '/', description: 'The service that served this document.' }],
  tags,
};

/** `/openapi.json`, built from the schemas that validate requests, and `/docs`, which loads nothing from another host. */
export function docs(app: OpenAPIHono, { authRequired }: Deps): void {
  // Building takes about 40 ms, so it happens once, in the next turn of the event loop, when all routes are registered.
  let document: Buffer<ArrayBuffer> | undefined;
  const openapi = () => {
    document ??= Buffer.from(
      JSON.stringify(
        withSharedComponents(
          withCodeSamples(withExamples(app.getOpenAPI31Document(description)), { withKey: authRequired }),
        ),
      ),
    );
    return document;
  };
  setImmediate(openapi);
  const revalidated = { 'content-type': 'application/json', 'cache-control': 'no-cache' };
  app.get('/openapi.json', conditional, fixedBody(openapi, revalidated));
  app.get('/docs/scalar.js', conditional, scalar);
  app.get('/docs/start.js', (c) => c.body(startScript, 200, javascript));
  app.get('/docs', (c) =>
    c.html(html`<!doctype html>
      <html lang="en">
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Alara API</title>
        <div id="reference"></div>
        <script src="/docs/scalar.js"></script>
        <script type="module" src="/docs/start.js"></script>
      </html>`),
  );
}
