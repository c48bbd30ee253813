import type { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Fault } from '../../core/fault.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { isLoopback } from '../../platform/loopback.ts';
import { localTenant, type Scope, scopes } from '../../storage/access.ts';
import { hashKey } from '../../storage/api-keys.ts';
import type { Deps } from '../deps.ts';
import { unwrap } from './problem.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** The tenant of the request. Readings, jobs and uploads of other tenants are not found. */
    tenant: string;
    /** The route of a request that needs a key or comes from this machine, and its caller. */
    authenticated: Authenticated | undefined;
  }
}

/** A route, and what identifies the caller in memory: the digest of the key, or the tenant of requests without a key. */
export type Authenticated = { readonly route: string; readonly caller: string };

/** Routes that need no key: health and documentation. Their responses contain nothing about films. */
const open: readonly string[] = [
  ...['GET /', 'GET /page.css', 'GET /page.js', 'GET /docs', 'GET /docs/scalar.js', 'GET /docs/start.js'],
  ...['GET /openapi.json', 'GET /problems', 'GET /problems/:code', 'GET /health/live', 'GET /health/ready'],
];

/** The scopes per route. A key must have one of them. A route in neither list cannot be called. */
export const guarded: Readonly<Record<string, readonly Scope[]>> = {
  'POST /v1/readings': ['readings'],
  'POST /v1/batches': ['readings'],
  'GET /v1/readings': ['readings', 'jobs'],
  'DELETE /v1/readings/:id': ['readings', 'jobs'],
  'GET /v1/readings/:id': ['readings', 'jobs'],
  'GET /v1/readings/:id/sr': ['readings', 'jobs'],
  'GET /v1/readings/:id/fhir': ['readings', 'jobs'],
  'GET /v1/readings/:id/heatmaps/:finding': ['readings', 'jobs'],
  'GET /v1/test-films': scopes,
  'GET /v1/test-films/:name': scopes,
  'GET /v1/routes': scopes,
  'GET /v1/catalog': scopes,
  'GET /v1/evaluation': scopes,
  'POST /v1/uploads': ['jobs'],
  'PUT /v1/uploads/:id': ['jobs'],
  'DELETE /v1/uploads/:id': ['jobs'],
  'POST /v1/jobs': ['jobs'],
  'GET /v1/jobs': ['jobs'],
  // The sender of a film by POST /v1/readings or STOW-RS may poll the job of its request.
  'GET /v1/jobs/:id': ['jobs', 'readings', 'pacs'],
  'POST /v1/jobs/:id/cancel': ['jobs'],
  'POST /v1/hooks/orthanc': ['pacs'],
  'POST /dicom-web/studies': ['pacs'],
  'POST /dicom-web/studies/:study': ['pacs'],
};

/** The scopes of which a key needs one; 'open' if the route needs no key. Throws for a route in neither list. */
export function scopesOf(route: string): readonly Scope[] | 'open' {
  const needed = open.includes(route) ? 'open' : guarded[route];
  if (!needed) throw new Error(`${route} is neither open nor guarded`);
  return needed;
}

/** The dependencies of authentication. */
export type AccessDeps = Pick<Deps, 'platform' | 'authRequired' | 'corsOrigins'>;

/** The tenant of a request, from its API key if one is needed or sent. */
export async function tenantOf(
  { platform, authRequired, corsOrigins }: AccessDeps,
  request: Pick<Request, 'url' | 'headers'>,
  needed: readonly Scope[],
): Promise<Result<string, Fault>> {
  const { headers } = request;
  const key = keyOf(headers.get('authorization') ?? undefined, headers.get('x-api-key') ?? undefined);
  if (!key.ok) return key;
  if (key.value === undefined) {
    const problem = authRequired ? 'no API key was sent in a header' : nonLocalProblem(request, corsOrigins);
    return problem === undefined ? ok(localTenant) : fail({ code: 'unauthenticated', problem });
  }
  // Unknown and revoked keys get the same response, so it does not reveal which keys have existed.
  const apiKey = await platform.access.check(key.value);
  if (!apiKey) return fail({ code: 'unauthenticated', problem: 'the API key is not valid' });
  if (!needed.some((scope) => apiKey.scopes.includes(scope)))
    return fail({ code: 'forbidden', scope: needed.join(' or ') });
  return ok(apiKey.tenant);
}

/** Set the tenant of a request, from its API key if one is needed or sent. */
export const authenticate = (deps: AccessDeps): MiddlewareHandler => {
  return async (c, next) => {
    const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL');
    // No route has this path, so there is nothing to protect.
    if (!route) return next();
    const name = `${route.method} ${route.path}`;
    const needed = scopesOf(name);
    if (needed === 'open') return next();

    c.set('tenant', unwrap(await tenantOf(deps, c.req.raw, needed)));
    c.set('authenticated', { route: name, caller: callerOf(c.req.raw.headers) });
    return next();
  };
};

/** What identifies the caller of a request, whether its key is valid or not. */
export function callerOf(headers: Headers): string {
  const key = keyOf(headers.get('authorization') ?? undefined, headers.get('x-api-key') ?? undefined);
  return key.ok && key.value !== undefined ? Buffer.from(hashKey(key.value)).toString('base64') : localTenant;
}

const patterns = Object.keys(guarded).map((route) => ({
  route,
  pattern: new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`),
}));

/** The guarded route of a method and a path, as the router of the API finds it. */
export const guardedRoute = (method: string, path: string): string | undefined =>
  patterns.find(({ pattern }) => pattern.test(`${method} ${path}`))?.route;

/** The key from the headers of a request (RFC 6750 2.1). Not from the URL, because proxies and browsers log URLs. */
function keyOf(authorization: string | undefined, apiKey: string | undefined): Result<string | undefined, Fault> {
  const unauthenticated = (problem: string) => fail<Fault>({ code: 'unauthenticated', problem });
  if (authorization === undefined) return ok(apiKey);
  const bearer = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (bearer === undefined) return unauthenticated('the Authorization header must be Bearer and an API key');
  if (apiKey !== undefined && apiKey !== bearer)
    return unauthenticated('Authorization and X-API-Key contain different keys');
  return ok(bearer);
}

/** Describe in the OpenAPI document which routes need which key. */
export function describeAccess(app: OpenAPIHono): void {
  const { openAPIRegistry: registry } = app;
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description:
      'An API key. The operator creates it with `alara keys create`. If the service listens on loopback only, requests from the same machine need no key.',
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
    if (needed === 'open') {
      route.security = [];
      continue;
    }
    // The two schemes are alternatives. Some tools refuse scopes of a scheme that is not OAuth, so the description names them.
    route.security = [{ bearer: [] }, { apiKey: [] }];
    route.description = `${route.description} Needs a key with the scope ${needed.map((scope) => `\`${scope}\``).join(' or ')}.`;
  }
}

/** Headers that a proxy adds to a request (RFC 7239, RFC 9110 7.6.3, and custom). */
const proxyHeaders = /^(forwarded|via|x-forwarded-.+|x-real-ip)$/;

/**
 * Why a request without a key is refused although the service listens on loopback only; undefined for a request from this
 * machine. Behind a proxy or a tunnel, every client has a loopback address. So has a page of another site in a local browser:
 * the page can send requests, and with DNS rebinding to 127.0.0.1 it can read the responses.
 * The operator may allow origins.
 */
function nonLocalProblem(
  { url, headers }: Pick<Request, 'url' | 'headers'>,
  allowedOrigins: readonly string[],
): string | undefined {
  const requestUrl = new URL(url);
  const host = headers.get('host') ?? requestUrl.host;
  const isLocal = [requestUrl.hostname, URL.parse(`http://${host}`)?.hostname ?? ''].every(isLoopback);
  if (!isLocal) return 'no API key was sent, and the host of the request is not localhost';
  if ([...headers.keys()].some((name) => proxyHeaders.test(name)))
    return 'no API key was sent, and the request came through a proxy';
  const origin = headers.get('origin');
  const isAllowed = origin === null || allowedOrigins.includes(origin);
  if (!isAllowed && URL.parse(origin)?.host !== URL.parse(`http://${host}`)?.host)
    return 'no API key was sent, and a page of another site sent the request';
  return undefined;
}
