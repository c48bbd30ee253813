import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from '../../core/fault.ts';
import type { Engine } from '../../inference/pool.ts';
import type { Logger } from '../../platform/log.ts';
import { type AccessDeps, callerOf, guardedRoute, scopesOf, tenantOf } from '../http/auth.ts';
import { prefersAsync } from '../http/prefer.ts';
import { problemHeaders, problemOf } from '../http/problem.ts';
import { policyOf } from '../http/rate-limit.ts';
import type { RateLimiter } from '../http/rate-limiter.ts';
import { requestIdOf } from '../http/request-id.ts';

/** Why a request is refused by its head, its route, and further headers of the answer. */
export type HeadRefusal = {
  readonly fault: Fault;
  readonly route: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

/** The refusal if the head of a request alone is a reason for it; undefined if the API must answer. */
export type HeadRule = (incoming: IncomingMessage) => Promise<HeadRefusal | undefined> | HeadRefusal | undefined;

const readings = '/v1/readings';
const needed = scopesOf(`POST ${readings}`);

/**
 * Refuse a film that finds no place in the queue before the API sees its request. The API would refuse the film as well, but its
 * routes, validators and web streams take several times the processor time. Requests without a known tenant go on to the API, which
 * answers them with their fault.
 */
export function createOverloadRule(
  access: AccessDeps,
  engine: () => Pick<Engine, 'hasRoom' | 'overload'>,
  rateLimiter?: RateLimiter,
): HeadRule {
  return ({ method, url = '', headers, rawHeaders }) => {
    if (method !== 'POST' || (url !== readings && !url.startsWith(`${readings}?`))) return undefined;
    // Such a film waits as a job.
    if (prefersAsync(headers['prefer']?.toString())) return undefined;
    // A page can read the answer only if it has the headers of CORS, which the API adds.
    if (access.corsOrigins.length > 0 && headers.origin !== undefined) return undefined;
    const address = `http://${headers.host ?? ''}${url}`;
    if (engine().hasRoom() || needed === 'open' || !URL.canParse(address)) return undefined;
    const sent = headersOf(rawHeaders);
    return tenantOf(access, { url: address, headers: sent }, needed).then(
      (tenant) => {
        const fault = tenant.ok ? engine().overload(tenant.value) : undefined;
        return fault && { fault, route: readings, headers: rateLimiter?.fields('films', callerOf(sent)) };
      },
      // The API meets the same error and answers it.
      () => undefined,
    );
  };
}

/**
 * Refuse a request with a body whose key has nothing left of its limit, before the API sees the request. Only valid keys have used
 * something, so the key needs no other check.
 */
export function createRateRule(corsOrigins: readonly string[], rateLimiter: RateLimiter): HeadRule {
  return ({ method = '', url = '', headers, rawHeaders }) => {
    if (method !== 'POST' && method !== 'PUT') return undefined;
    if (corsOrigins.length > 0 && headers.origin !== undefined) return undefined;
    const route = guardedRoute(method, url.replace(/\?.*$/s, ''));
    if (route === undefined) return undefined;
    const [policy, caller] = [policyOf(route), callerOf(headersOf(rawHeaders))];
    const fault = rateLimiter.check(policy, caller);
    return fault && { fault, route, headers: rateLimiter.fields(policy, caller) };
  };
}

/** Answer a request with a fault. Node discards the body, so that the connection can be used again. */
export function answerFault(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { fault, route, headers }: HeadRefusal,
  log?: Logger,
): void {
  const requestId = requestIdOf(incoming.headers['x-request-id']?.toString());
  const problem = problemOf(fault, requestId);
  const body = JSON.stringify(problem);
  outgoing.writeHead(problem.status, {
    ...problemHeaders(fault),
    ...headers,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
  });
  outgoing.end(body);
  // The log format of the API.
  log?.info({
    requestId,
    method: incoming.method,
    route: route.slice(route.indexOf('/')),
    status: problem.status,
    ms: 0,
  });
}

function headersOf(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < raw.length; i += 2) headers.append(raw[i] ?? '', raw[i + 1] ?? '');
  return headers;
}
