import { randomUUID } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';

declare module 'hono' {
  interface ContextVariableMap {
    requestId: string;
  }
}

/** What a caller's id may consist of: it is repeated in logs, answers and headers. */
const safe = /^[A-Za-z0-9._-]{1,128}$/;

/** The id that a caller sent, or a new one where that is missing or not safe. */
export const requestIdOf = (sent: string | undefined): string =>
  sent !== undefined && safe.test(sent) ? sent : randomUUID();

/** Gives a request the id of its `X-Request-Id`, or a new one. */
export const requestId: MiddlewareHandler = async (c, next) => {
  const id = requestIdOf(c.req.header('x-request-id'));
  c.set('requestId', id);
  c.header('x-request-id', id);
  await next();
};
