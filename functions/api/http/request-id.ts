import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string;
  }
}

/** The characters of an accepted id. The id is repeated in logs, answers and headers. */
const safe = /^[A-Za-z0-9._-]{1,128}$/;

/** The id of the caller, or a new one if it is missing or not safe. */
export const requestIdOf = (sent: string | undefined): string =>
  sent !== undefined && safe.test(sent) ? sent : randomUUID();

/** Set the id of a request from `X-Request-Id`, or a new one. */
export const requestId: MiddlewareHandler = async (c, next) => {
  const id = requestIdOf(c.req.header('x-request-id'));
  c.set('requestId', id);
  c.header('x-request-id', id);
  await next();
};
