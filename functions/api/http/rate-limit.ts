import type { Context, MiddlewareHandler } from 'hono';
import type { Deps } from '../deps.ts';
import { problem } from './problem.ts';
import type { Policy } from './rate-limiter.ts';

/** The routes whose requests send films to be read. */
const filmRoutes = [
  ...['POST /v1/readings', 'POST /v1/batches', 'POST /v1/jobs'],
  ...['POST /dicom-web/studies', 'POST /dicom-web/studies/:study'],
];

export const policyOf = (route: string): Policy => (filmRoutes.includes(route) ? 'films' : 'requests');

/**
 * Refuse a request whose caller has nothing left, before its body is read. Call this after `authenticate`: a request without a valid
 * key counts against nobody.
 */
export const limitRate = ({ rateLimiter }: Pick<Deps, 'rateLimiter'>): MiddlewareHandler => {
  return async (c, next) => {
    const { route, caller } = c.get('authenticated') ?? {};
    if (!rateLimiter || route === undefined || caller === undefined) return next();
    const policy = policyOf(route);
    const fault = rateLimiter.check(policy, caller);
    if (fault) {
      for (const [name, value] of Object.entries(rateLimiter.fields(policy, caller))) c.header(name, value);
      return problem(c, fault);
    }
    rateLimiter.count(policy, caller, 1);
    await next();
    // What the service refuses for its own load counts against nobody.
    if (c.res.status === 503) rateLimiter.count(policy, caller, -1);
    for (const [name, value] of Object.entries(rateLimiter.fields(policy, caller))) c.res.headers.set(name, value);
  };
};

/** Count the films of a request that may have several. The request itself has counted as one film. */
export function countFilms(c: Context, { rateLimiter }: Pick<Deps, 'rateLimiter'>, films: number): void {
  const { caller } = c.get('authenticated') ?? {};
  if (caller !== undefined) rateLimiter?.count('films', caller, Math.max(0, films - 1));
}
