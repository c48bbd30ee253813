import type { OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import type { FaultCode } from '../../core/fault.ts';
import { advice } from '../../core/fault-status.ts';
import { problemSchema } from './problem-schemas.ts';

/** The codes of a request whose query has the parameters of a plan. */
export const planCodes = [
  ...['invalid_parameter', 'unknown_parameter', 'unknown_finding', 'finding_not_served', 'unknown_policy'],
  ...['unknown_variant', 'operating_point_not_measured'],
] as const satisfies readonly FaultCode[];

/** The codes of bytes that are of no format that is read. */
export const formatCodes = [
  ...['empty_body', 'not_an_image', 'unsupported_image_format', 'packed_file'],
] as const satisfies readonly FaultCode[];

/** The codes of a film that cannot be read. */
export const filmCodes = [
  ...formatCodes,
  ...['media_type_mismatch', 'unsupported_jpeg', 'mislabelled_stream', 'corrupt_image', 'unusable_header'],
  ...['too_many_elements', 'too_many_pixels', 'too_small', 'colour_image', 'unsupported_transfer_syntax'],
  ...['unsupported_sop_class', 'multi_frame', 'not_frontal_view', 'not_chest', 'own_object', 'blank_image'],
  ...['not_a_frontal_chest', 'memory_exceeded'],
] as const satisfies readonly FaultCode[];

/** The codes of a film that the engine could not read in time or at all. */
export const engineCodes = [
  ...['queue_full', 'shutting_down', 'deadline_exceeded', 'model_corrupt', 'model_unavailable', 'inference_failed'],
] as const satisfies readonly FaultCode[];

type Headers = Record<
  string,
  { readonly description: string; readonly schema: object; readonly required?: boolean; readonly example?: unknown }
>;
type Answer = { readonly description: string; readonly headers?: Headers; readonly content?: object };

/** The headers that the document describes. */
export const headers = {
  location: {
    Location: {
      description: 'The address of the new resource, relative to the address of the request (RFC 9110 10.2.2).',
      schema: { type: 'string', format: 'uri-reference' },
      required: true,
    },
  },
  retryAfter: {
    'Retry-After': {
      description: 'The time in seconds after which to ask again.',
      schema: { type: 'integer', minimum: 1 },
      example: 1,
    },
  },
  requestId: {
    'X-Request-Id': {
      description:
        'The id of the request, for questions to the operator. It repeats X-Request-Id of the request: at most 128 letters, digits, dots, dashes and underscores. Otherwise the service makes one.',
      schema: { type: 'string', maxLength: 128 },
      required: true,
    },
  },
  wwwAuthenticate: {
    'WWW-Authenticate': {
      description: 'The scheme of the API key (RFC 9110 11.6.1).',
      schema: { type: 'string', const: 'Bearer realm="alara"' },
      required: true,
    },
  },
  acceptEncoding: {
    'Accept-Encoding': {
      description: 'The content codings that are decoded, with unsupported_content_encoding (RFC 9110 15.5.16).',
      schema: { type: 'string' },
    },
  },
} as const satisfies Record<string, Headers>;

/** The headers of every answer to a key with a limit (draft-ietf-httpapi-ratelimit-headers-10). */
const rateLimitHeaders = {
  'RateLimit-Policy': {
    description:
      'Where the operator limits keys: the limits, with the films or requests `q` per `w` seconds (draft-ietf-httpapi-ratelimit-headers-10).',
    schema: { type: 'string' },
    example: '"films";q=60;w=60, "requests";q=600;w=60',
  },
  RateLimit: {
    description:
      'Where the operator limits keys: the limit that the request counts against, what is left of it (`r`), and the seconds until more is available (`t`).',
    schema: { type: 'string' },
    example: '"films";r=59;t=1',
  },
} as const satisfies Headers;
const referencesTo = (described: Headers) =>
  Object.fromEntries(Object.keys(described).map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** The codes of the problem responses of the routes, by response. */
const codesOf = new WeakMap<object, readonly FaultCode[]>();

/** The OpenAPI response for fault codes that share a status. */
function describeProblems(codes: readonly FaultCode[]): Answer {
  const schemas = codes.map(problemSchema);
  const [only, ...more] = schemas;
  if (!only) throw new Error('a problem response needs a code');
  const described: Answer = {
    description: codes.map((code) => `\`${code}\`: ${advice[code].title}`).join('; '),
    headers: {
      ...(codes.some((code) => 'retryAfterMs' in problemSchema(code).shape) && headers.retryAfter),
      ...(codes.includes('unauthenticated') && headers.wwwAuthenticate),
      ...(codes.includes('unsupported_content_encoding') && headers.acceptEncoding),
    },
    content: {
      'application/problem+json': {
        schema: more.length === 0 ? only : z.discriminatedUnion('code', [only, ...more]),
      },
    },
  };
  codesOf.set(described, codes);
  return described;
}

/** The problem responses of a route, by status. Handlers throw their faults, so these responses need no types. */
export function problemResponses(...codes: FaultCode[]): Record<never, never> {
  const byStatus = Map.groupBy(new Set(codes), (code) => advice[code].status);
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, describeProblems(group)]));
}

type Route = Extract<OpenAPIHono['openAPIRegistry']['definitions'][number], { readonly type: 'route' }>['route'];
const needsKey = ({ security = [] }: Route) => security.length > 0;

/** Codes that no route declares, because the server, a middleware or the store gives them. */
const common: readonly { readonly codes: readonly FaultCode[]; readonly from: (route: Route) => boolean }[] = [
  { codes: ['malformed_http', 'unknown_parameter', 'headers_too_large', 'internal'], from: () => true },
  {
    codes: ['request_too_slow', 'unsupported_content_encoding', 'malformed_content_encoding', 'body_too_large'],
    from: ({ request }) => request?.body !== undefined,
  },
  {
    codes: ['not_acceptable'],
    from: ({ responses }) =>
      Object.entries(responses).some(([status, response]) => status.startsWith('2') && 'content' in response),
  },
  // Authentication reads API keys from the store.
  {
    codes: ['unauthenticated', 'forbidden', 'throttled', 'store_unavailable'],
    from: needsKey,
  },
];

/**
 * Add the codes in {@link common} and the headers of every answer to each route. Call after `describeAccess`, which marks the routes
 * that need a key.
 */
export function describeCommonResponses({ openAPIRegistry }: OpenAPIHono): void {
  for (const [name, header] of Object.entries(rateLimitHeaders))
    openAPIRegistry.registerComponent('headers', name, header);
  for (const definition of openAPIRegistry.definitions) {
    if (definition.type !== 'route') continue;
    const { route } = definition;
    const own = Object.values(route.responses).flatMap((response) => codesOf.get(response) ?? []);
    const added = common.filter(({ from }) => from(route)).flatMap(({ codes }) => codes);
    const responses = { ...route.responses, ...problemResponses(...own, ...added) };
    route.responses = Object.fromEntries(
      Object.entries(responses as Record<string, Answer>).map(([status, { description, headers: named, content }]) => [
        status,
        {
          description,
          headers: { ...named, ...(needsKey(route) && referencesTo(rateLimitHeaders)), ...headers.requestId },
          ...(content && { content }),
        },
      ]),
    );
  }
}
