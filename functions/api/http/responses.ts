import type { OpenAPIHono } from '@hono/zod-openapi';
import type { FaultCode } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';
import { Problem } from './problem.ts';

/** The OpenAPI response for fault codes that share a status. */
const answer = (codes: readonly FaultCode[]) => {
  const description = codes.map((code) => `\`${code}\`: ${advice[code].title}`).join('; ');
  const status = codes[0] && advice[codes[0]].status;
  return [status, { description, content: { 'application/problem+json': { schema: Problem } } }] as const;
};

/** The problem responses of a route by status, each with its possible codes. */
export function answers<Status extends number>(...statuses: Status[]) {
  const codes = Object.keys(advice) as FaultCode[];
  const entries = statuses.map((status) => answer(codes.filter((code) => advice[code].status === status)));
  return Object.fromEntries(entries) as Record<
    Status,
    { description: string; content: { 'application/problem+json': { schema: typeof Problem } } }
  >;
}

/** Responses that no route declares, because the server or the store gives them. */
const common: readonly { readonly codes: readonly FaultCode[]; readonly from: (route: Route) => boolean }[] = [
  { codes: ['malformed_http', 'unknown_parameter'], from: () => true },
  { codes: ['headers_too_large'], from: () => true },
  { codes: ['internal'], from: () => true },
  { codes: ['request_too_slow'], from: ({ request }) => request?.body !== undefined },
  { codes: ['unsupported_content_encoding'], from: ({ request }) => request?.body !== undefined },
  // Authentication reads API keys from the store.
  { codes: ['store_unavailable'], from: ({ security }) => security !== undefined && security.length > 0 },
];
type Route = Extract<OpenAPIHono['openAPIRegistry']['definitions'][number], { readonly type: 'route' }>['route'];

/** Add the responses in {@link common} to each route. Call after `describeAccess`, which marks the routes that need a key. */
export function describeCommonAnswers({ openAPIRegistry }: OpenAPIHono): void {
  for (const definition of openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue;
    const { route } = definition;
    const added = common.filter(({ from }) => from(route)).map(({ codes }) => answer(codes));
    route.responses = { ...Object.fromEntries(added), ...route.responses };
  }
}
