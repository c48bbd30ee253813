import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import type { Fault } from '../../core/fault.ts';
import { describe } from '../../core/problem.ts';
import type { Result } from '../../core/result.ts';
import { faultOf } from '../../routing/parameters.ts';

/** A fault over HTTP (RFC 9457), with a stable `code` and a `fix`. */
export type Problem = ReturnType<typeof describe> & { readonly requestId: string };

export const problemOf = (fault: Fault, requestId: string): Problem => ({ ...describe(fault), requestId });

/** An exception that carries a fault from a handler to the error handler. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.code);
    this.fault = fault;
  }
}

/** The value of a result. Throws a fault as a Refusal, which ends the request with a problem document. */
export function unwrap<Value>(result: Result<Value, Fault>): Value {
  if (result.ok) return result.value;
  throw new Refusal(result.fault);
}

/** A validation hook for routes with the query `schema`. Unknown parameters are refused by name, never ignored. */
export const strictQuery =
  (schema: z.ZodObject) =>
  (result: { success: true } | { success: false; error: z.ZodError }): undefined => {
    if (!result.success) throw new Refusal(faultOf(result.error, Object.keys(schema.shape)));
  };

/** The headers of a response with a fault. */
export function problemHeaders(fault: Fault): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if ('retryAfterMs' in fault) headers['retry-after'] = String(Math.max(1, Math.ceil(fault.retryAfterMs / 1000)));
  if ('allow' in fault && fault.allow.length > 0) headers['allow'] = fault.allow.join(', ');
  if (fault.code === 'unsupported_content_encoding') headers['accept-encoding'] = fault.available.join(', ');
  if (fault.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="alara"';
  return headers;
}

/** The response with a fault. */
export function problem(c: Context, fault: Fault): Response {
  const body = problemOf(fault, c.get('requestId'));
  return c.body(JSON.stringify(body), body.status as ContentfulStatusCode, problemHeaders(fault));
}
