import type { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { parseAccept } from 'hono/utils/accept';
import { Refusal } from './problem.ts';

/** FHIR names application/json as an alias of its own media type. */
const aliases: Readonly<Record<string, string>> = { 'application/fhir+json': 'application/json' };

/**
 * Refuse a request whose Accept excludes every media type of the route, before the body is read (RFC 9110 12.5.1). The media types are
 * those of the OpenAPI document. STOW-RS chooses among its media types itself.
 */
export function negotiate({ openAPIRegistry }: Pick<OpenAPIHono, 'openAPIRegistry'>): MiddlewareHandler {
  let served: ReadonlyMap<string, readonly string[]> | undefined;
  return (c, next) => {
    const header = c.req.header('accept');
    const route = header === undefined ? undefined : matchedRoutes(c).findLast(({ method }) => method !== 'ALL');
    if (header === undefined || !route || route.path.startsWith('/dicom-web/')) return next();
    served ??= mediaTypesOf(openAPIRegistry);
    const available = served.get(`${route.method} ${route.path}`) ?? [];
    const isServed = available.some((type) => [type, aliases[type]].some((name) => name && accepts(header, name)));
    if (available.length > 0 && !isServed) throw new Refusal({ code: 'not_acceptable', available });
    return next();
  };
}

/** The media types of the successful answers, by route. */
function mediaTypesOf({ definitions }: OpenAPIHono['openAPIRegistry']): ReadonlyMap<string, readonly string[]> {
  return new Map(
    definitions.flatMap((definition) => {
      if (definition.type !== 'route') return [];
      const { method, path, responses } = definition.route;
      const successful = Object.entries(responses).filter(([status]) => status.startsWith('2'));
      const types = successful.flatMap(([, response]) =>
        Object.keys(('content' in response && response.content) || {}),
      );
      return [[`${method.toUpperCase()} ${path.replaceAll(/\{(.+?)\}/g, ':$1')}`, [...new Set(types)]]];
    }),
  );
}

/** Whether Accept allows a media type. The most specific entry decides. */
function accepts(header: string, type: string): boolean {
  const entries = parseAccept(header).map((entry) => ({ ...entry, type: entry.type.toLowerCase() }));
  const [main] = type.split('/');
  const ranges = [type, `${main}/*`, '*/*'];
  const entry = ranges.map((range) => entries.find((one) => one.type === range)).find((found) => found !== undefined);
  return entries.length === 0 || (entry !== undefined && entry.q > 0);
}
