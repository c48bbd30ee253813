import type { OpenAPIHono } from '@hono/zod-openapi';
import { Refusal } from '../http/problem.ts';

/** The resources of DICOMweb (PS3.18): search, retrieval and worklists are not offered here. */
const dicomWeb = ['studies', 'series', 'instances', 'workitems'].map((resource) => `/dicom-web/${resource}`);

/**
 * Answer methods that a resource does not offer: OPTIONS with 204, others with 405, both with Allow (RFC 9110 15.5.6). Search and
 * retrieval by DICOMweb answer 501. Call this after all routes are registered, because it lists their methods.
 */
export function answerOtherMethods(app: OpenAPIHono): void {
  const routes = app.routes.filter(({ method }) => method !== 'ALL');
  for (const [path, ofPath] of Map.groupBy(routes, (route) => route.path)) {
    const methods = new Set(ofPath.map(({ method }) => method));
    // Hono answers HEAD by the handler of GET.
    if (methods.has('GET')) methods.add('HEAD');
    const allow = [...methods.add('OPTIONS')].toSorted();
    app.all(path, (c) => {
      if (c.req.method === 'OPTIONS') return c.body(null, 204, { allow: allow.join(', ') });
      if (path.startsWith('/dicom-web/') && ['GET', 'HEAD'].includes(c.req.method))
        throw new Refusal({ code: 'dicomweb_not_offered', allow });
      throw new Refusal({ code: 'method_not_allowed', allow });
    });
  }
  if (!routes.some(({ path }) => path.startsWith('/dicom-web/'))) return;
  // `*` also matches the empty path.
  for (const path of dicomWeb)
    app.all(`${path}/*`, () => {
      throw new Refusal({ code: 'dicomweb_not_offered', allow: [] });
    });
}
