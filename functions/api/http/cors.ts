import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';

/**
 * Let pages of the allowed origins call the API (https://fetch.spec.whatwg.org/#http-cors-protocol). No origin is allowed by default.
 * Keys travel in headers, so cookies and other credentials of the browser are never allowed.
 */
export function allowOrigins(origins: readonly string[]): MiddlewareHandler {
  const allowed = cors({
    origin: [...origins],
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowHeaders: [
      ...['Authorization', 'X-API-Key', 'Content-Type', 'Content-Encoding', 'Accept', 'If-None-Match', 'Prefer'],
      'X-Request-Id',
    ],
    exposeHeaders: [
      'Location',
      'Retry-After',
      'ETag',
      'Link',
      'Preference-Applied',
      'Allow',
      'X-Request-Id',
      'RateLimit',
      'RateLimit-Policy',
    ],
    maxAge: 600,
  });
  return (c, next) => {
    const origin = c.req.header('origin');
    // Other requests of the method OPTIONS ask for Allow, and are no preflight.
    const isPreflight = c.req.method !== 'OPTIONS' || c.req.header('access-control-request-method') !== undefined;
    return origin !== undefined && origins.includes(origin) && isPreflight ? allowed(c, next) : next();
  };
}
