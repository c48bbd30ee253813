import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string;
  }
}

/** The characters of an accepted id. The id is copied to logs, responses and headers. */
const safeId = /^[A-Za-z0-9._-]{1,128}$/;

/** The id that the client sent, or a new id if the client sent none or an unsafe one. */
export const requestIdOf = (sent: string | undefined): string =>
  sent !== undefined && safeId.test(sent) ? sent : randomUUID();

/** Set the id of a request: `X-Request-Id`, or a new id. */
export const requestId: MiddlewareHandler = async (c, next) => {
  const id = requestIdOf(c.req.header('x-request-id'));
  c.set('requestId', id);
  c.header('x-request-id', id);
  await next();
};
