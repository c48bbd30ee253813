import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

type Answer = {
  /** What API Gateway would say by itself, where it says several things. */
  readonly status?: number;
  /** As of the service, where it says the same (functions/core/fault.ts). */
  readonly code: string;
  readonly title: string;
  readonly fix: string;
  readonly retryAfter?: number;
  readonly more?: Readonly<Record<string, string | number>>;
};

const asJob = 'Send it as a job: POST /v1/uploads, then POST /v1/jobs.';
const unauthenticated = { status: 401, code: 'unauthenticated' };

const said: readonly (readonly [ResponseType, Answer])[] = [
  [
    ResponseType.UNAUTHORIZED,
    { ...unauthenticated, title: 'A token is needed', fix: 'Send X-Access-Token: a token that has not expired.' },
  ],
  [
    ResponseType.EXPIRED_TOKEN,
    { ...unauthenticated, title: 'The token has expired', fix: 'Get another and send it as X-Access-Token.' },
  ],
  [
    ResponseType.INVALID_API_KEY,
    {
      ...unauthenticated,
      title: 'An API key is needed',
      fix: 'Send X-API-Key. The operator adds the key to the usage plan of this environment.',
    },
  ],
  [
    ResponseType.ACCESS_DENIED,
    {
      ...{ status: 403, code: 'forbidden', title: 'The token may not do this' },
      fix: 'Use a client with the scope alara/call, by the endpoint of the environment.',
    },
  ],
  [
    // So API Gateway says that it knows no such path or method.
    ResponseType.MISSING_AUTHENTICATION_TOKEN,
    {
      ...{ status: 404, code: 'not_found', title: 'No such resource' },
      fix: 'Begin with the name of the environment, and see /docs for the resources of this service.',
    },
  ],
  [
    ResponseType.WAF_FILTERED,
    {
      ...{ status: 403, code: 'blocked', title: 'The firewall took this for an attack' },
      fix: 'Look at path, query and headers. The operator finds the rule in the log of the firewall.',
    },
  ],
  [
    ResponseType.THROTTLED,
    { status: 429, code: 'throttled', title: 'Too many requests', fix: 'Send fewer at a time.', retryAfter: 1 },
  ],
  [
    ResponseType.QUOTA_EXCEEDED,
    {
      ...{ status: 429, code: 'quota_exceeded', title: 'The quota of the key is used up' },
      fix: 'Ask the operator for more.',
    },
  ],
  [
    ResponseType.REQUEST_TOO_LARGE,
    {
      ...{ status: 413, code: 'body_too_large', title: 'The body is too large', fix: asJob },
      more: { limitBytes: 10 * 1024 * 1024 },
    },
  ],
  // When no task answers, the load balancer's 503 passes as it is; these are for when it cannot be reached, or is too slow.
  [
    ResponseType.INTEGRATION_FAILURE,
    {
      ...{ status: 503, code: 'unavailable', title: 'The service does not answer' },
      ...{ fix: 'Send it again after Retry-After, or as a job.', retryAfter: 60 },
    },
  ],
  [
    ResponseType.INTEGRATION_TIMEOUT,
    { status: 503, code: 'unavailable', title: 'The service took too long', fix: asJob, retryAfter: 60 },
  ],
  [
    ResponseType.AUTHORIZER_FAILURE,
    {
      ...{ status: 503, code: 'unavailable', title: 'The token could not be checked' },
      ...{ fix: 'Send it again after Retry-After: the issuer of tokens may not answer.', retryAfter: 60 },
    },
  ],
  [
    ResponseType.DEFAULT_4XX,
    {
      ...{ code: 'refused', title: 'API Gateway refused the request', fix: 'reason says why.' },
      more: { reason: '$context.error.responseType' },
    },
  ],
  [
    ResponseType.DEFAULT_5XX,
    {
      ...{ code: 'internal', title: 'API Gateway failed', fix: 'Retry. If it stays, give the operator the requestId.' },
      more: { reason: '$context.error.responseType' },
    },
  ],
];

/** What API Gateway says itself, as problems like those of the service. */
export function answers(api: RestApi): void {
  for (const [type, { status, code, title, fix, retryAfter, more }] of said)
    api.addGatewayResponse(`Says${type.responseType}`, {
      type,
      ...(status !== undefined && { statusCode: String(status) }),
      responseHeaders: {
        'Content-Type': "'application/problem+json'",
        ...(retryAfter !== undefined && { 'Retry-After': `'${retryAfter}'` }),
      },
      templates: {
        'application/json': JSON.stringify({
          ...{ type: 'about:blank', title, status, code, fix, requestId: '$context.requestId' },
          ...more,
        }),
      },
    });
}
