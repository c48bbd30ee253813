import type { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { localTenant } from '../../core/tenant.ts';
import { type Scope, scopes } from '../../storage/access.ts';
import type { Deps } from '../deps.ts';
import { notOfThisMachine } from './local-request.ts';
import { accept } from './problem.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** The tenant of the request. Readings, jobs and uploads of other tenants are not found. */
    tenant: string;
  }
}

/** Routes without a key: health and documentation. They contain nothing about films. */
const open: readonly string[] = [
  ...['GET /', 'GET /page.css', 'GET /page.js', 'GET /docs', 'GET /docs/scalar.js', 'GET /docs/start.js'],
  ...['GET /openapi.json', 'GET /problems/:code', 'GET /health/live', 'GET /health/ready'],
];

/** The scopes per route, of which a key must have one. A route in neither list cannot be called. */
export const guarded: Readonly<Record<string, readonly Scope[]>> = {
  'POST /v1/readings': ['readings'],
  'GET /v1/readings': ['readings', 'jobs'],
  'DELETE /v1/readings/:id': ['readings', 'jobs'],
  'GET /v1/readings/:id': ['readings', 'jobs'],
  'GET /v1/readings/:id/sr': ['readings', 'jobs'],
  'GET /v1/readings/:id/fhir': ['readings', 'jobs'],
  'GET /v1/routes': scopes,
  'GET /v1/catalog': scopes,
  'GET /v1/evaluation': scopes,
  'POST /v1/uploads': ['jobs'],
  'PUT /v1/uploads/:id': ['jobs'],
  'POST /v1/jobs': ['jobs'],
  'GET /v1/jobs': ['jobs'],
  // A STOW-RS sender may poll the job of its request.
  'GET /v1/jobs/:id': ['jobs', 'pacs'],
  'POST /v1/jobs/:id/cancel': ['jobs'],
  'POST /v1/hooks/orthanc': ['pacs'],
  'POST /dicom-web/studies': ['pacs'],
  'POST /dicom-web/studies/:study': ['pacs'],
};

/** The scopes that a route needs; null if it needs no key. Throws for a route in neither list. */
export function scopesOf(route: string): readonly Scope[] | 'open' {
  const needed = open.includes(route) ? 'open' : guarded[route];
  if (!needed) throw new Error(`${route} is neither open nor guarded`);
  return needed;
}

/** The parts that authentication needs. */
export type AccessRule = Pick<Deps, 'platform' | 'authRequired'>;

/** The tenant of a request, from its API key if one is needed or sent. */
export async function tenantOf(
  { platform, authRequired }: AccessRule,
  request: Pick<Request, 'url' | 'headers'>,
  needed: readonly Scope[],
): Promise<Result<string, Fault>> {
  const { headers } = request;
  const key = keyOf(headers.get('authorization') ?? undefined, headers.get('x-api-key') ?? undefined);
  if (!key.ok) return key;
  if (key.value === undefined) {
    const problem = authRequired ? 'no API key was sent in a header' : notOfThisMachine(request);
    return problem === undefined ? ok(localTenant) : fail({ code: 'unauthenticated', problem });
  }
  // Unknown and revoked keys get the same answer, which reveals nothing.
  const known = await platform.access.check(key.value);
  if (!known) return fail({ code: 'unauthenticated', problem: 'the API key is not valid' });
  if (!needed.some((scope) => known.scopes.includes(scope)))
    return fail({ code: 'forbidden', scope: needed.join(' or ') });
  return ok(known.tenant);
}

/** Set the tenant of a request, from its API key if one is needed or sent. */
export const authenticate = (rule: AccessRule): MiddlewareHandler => {
  return async (c, next) => {
    const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL');
    // No route has this path, so there is nothing to protect.
    if (!route) return next();
    const needed = scopesOf(`${route.method} ${route.path}`);
    if (needed === 'open') return next();

    c.set('tenant', accept(await tenantOf(rule, c.req.raw, needed)));
    return next();
  };
};

/** The key from the headers of a request (RFC 6750 2.1), never from its URL, which proxies and browsers log. */
function keyOf(authorization: string | undefined, apiKey: string | undefined): Result<string | undefined, Fault> {
  const wrong = (problem: string) => fail<Fault>({ code: 'unauthenticated', problem });
  if (authorization === undefined) return ok(apiKey);
  const bearer = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (bearer === undefined) return wrong('the Authorization header is not Bearer and a key');
  if (apiKey !== undefined && apiKey !== bearer) return wrong('Authorization and X-API-Key hold different keys');
  return ok(bearer);
}

/** Describe in the OpenAPI document which routes need which key. */
export function describeAccess(app: OpenAPIHono): void {
  const { openAPIRegistry: registry } = app;
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description:
      'An API key, made by the operator with `alara keys create`. On loopback this machine itself needs none.',
  });
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'The same key in another header, for gateways that use Authorization themselves.',
  });
  for (const definition of registry.definitions) {
    if (definition.type !== 'route') continue;
    const { route } = definition;
    const needed = scopesOf(`${route.method.toUpperCase()} ${route.path.replaceAll(/\{(.+?)\}/g, ':$1')}`);
    // Several schemes or scopes are alternatives.
    const alternatives = (scheme: string) => (needed === 'open' ? [] : needed.map((scope) => ({ [scheme]: [scope] })));
    route.security = needed === 'open' ? [] : [...alternatives('bearer'), ...alternatives('apiKey')];
  }
}
