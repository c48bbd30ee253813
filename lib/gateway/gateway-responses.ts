import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

/** A problem (RFC 9457) that API Gateway answers by itself. */
type Problem = {
  /** Undefined for the default responses, which stand for several statuses. */
  readonly status?: number;
  /** Equal to the code of the service where the meaning is equal (functions/core/fault.ts). */
  readonly code: string;
  readonly title: string;
  readonly fix: string;
  readonly retryAfter?: number;
  readonly details?: Readonly<Record<string, string | number>>;
};

const useJob = 'Send the film as a job: POST /v1/uploads, then POST /v1/jobs.';
const reason = '$context.error.responseType';

const problems: readonly (readonly [ResponseType, Problem])[] = [
  [
    ResponseType.UNAUTHORIZED,
    {
      status: 401,
      code: 'unauthenticated',
      title: 'A token is needed',
      fix: 'Send a valid token in the header X-Access-Token.',
    },
  ],
  [
    ResponseType.EXPIRED_TOKEN,
    {
      status: 401,
      code: 'unauthenticated',
      title: 'The token has expired',
      fix: 'Get a new token and send it in the header X-Access-Token.',
    },
  ],
  [
    ResponseType.INVALID_API_KEY,
    {
      status: 401,
      code: 'unauthenticated',
      title: 'A valid API key is needed',
      fix: 'Send X-API-Key. The operator must add the key to the usage plan of this environment.',
    },
  ],
  [
    ResponseType.ACCESS_DENIED,
    {
      status: 403,
      code: 'forbidden',
      title: 'The token does not allow this call',
      fix: 'Use a client with the scope alara/call, and the endpoint of the environment.',
    },
  ],
  [
    // API Gateway gives this type also for an unknown path or method.
    ResponseType.MISSING_AUTHENTICATION_TOKEN,
    {
      status: 404,
      code: 'not_found',
      title: 'No such resource',
      fix: 'Begin the path with the name of the environment. /docs lists the resources of this service.',
    },
  ],
  [
    ResponseType.WAF_FILTERED,
    {
      status: 403,
      code: 'blocked',
      title: 'The firewall blocked the request',
      fix: 'Check path, query and headers. The operator finds the matching rule in the firewall log.',
    },
  ],
  [
    ResponseType.THROTTLED,
    { status: 429, code: 'throttled', title: 'Too many requests', fix: 'Send requests more slowly.', retryAfter: 1 },
  ],
  [
    ResponseType.QUOTA_EXCEEDED,
    {
      status: 429,
      code: 'quota_exceeded',
      title: 'The quota of the API key is used up',
      fix: 'Ask the operator for a higher quota.',
    },
  ],
  [
    ResponseType.REQUEST_TOO_LARGE,
    {
      status: 413,
      code: 'body_too_large',
      title: 'The body is too large',
      fix: useJob,
      details: { limitBytes: 10 * 1024 * 1024 },
    },
  ],
  // The load balancer answers 503 when no task is healthy, and API Gateway passes that on. The next two responses are for a
  // load balancer that cannot be reached or answers too late.
  [
    ResponseType.INTEGRATION_FAILURE,
    {
      status: 503,
      code: 'unavailable',
      title: 'The service does not answer',
      fix: 'Wait for the seconds in Retry-After and retry, or send the film as a job.',
      retryAfter: 60,
    },
  ],
  [
    ResponseType.INTEGRATION_TIMEOUT,
    { status: 503, code: 'unavailable', title: 'The service answered too late', fix: useJob, retryAfter: 60 },
  ],
  [
    ResponseType.AUTHORIZER_FAILURE,
    {
      status: 503,
      code: 'unavailable',
      title: 'The token could not be checked',
      fix: 'Wait for the seconds in Retry-After and retry. The token issuer may be unavailable.',
      retryAfter: 60,
    },
  ],
  [
    ResponseType.DEFAULT_4XX,
    {
      code: 'refused',
      title: 'API Gateway refused the request',
      fix: 'See the field reason.',
      details: { reason },
    },
  ],
  [
    ResponseType.DEFAULT_5XX,
    {
      code: 'internal',
      title: 'API Gateway failed',
      fix: 'Retry. If the error persists, give the requestId to the operator.',
      details: { reason },
    },
  ],
];

/** Give the responses of API Gateway itself the same problem format as those of the service. */
export function addGatewayResponses(api: RestApi): void {
  for (const [type, { status, code, title, fix, retryAfter, details }] of problems)
    api.addGatewayResponse(`Says${type.responseType}`, {
      type,
      ...(status !== undefined && { statusCode: String(status) }),
      responseHeaders: {
        'Content-Type': "'application/problem+json'",
        ...(retryAfter !== undefined && { 'Retry-After': `'${retryAfter}'` }),
      },
      templates: {
        'application/json': JSON.stringify({
          type: 'about:blank',
          title,
          status,
          code,
          fix,
          requestId: '$context.requestId',
          ...details,
        }),
      },
    });
}
