import { ResponseType, type RestApi } from 'aws-cdk-lib/aws-apigateway';

/**
 * What API Gateway says itself, as problems like those of the service. When no task answers the load balancer's 503 passes
 * as it is; when the load balancer cannot be reached, or is too slow, this says when to come again.
 */
export function answers(api: RestApi): void {
  const again = { 'Retry-After': "'60'" };
  const say = (type: ResponseType, statusCode: string, code: string, title: string, fix: string, headers = {}) =>
    api.addGatewayResponse(`Says${type.responseType}`, {
      type,
      statusCode,
      responseHeaders: { 'Content-Type': "'application/problem+json'", ...headers },
      templates: {
        'application/json': `{"type":"about:blank","title":"${title}","status":${statusCode},"code":"${code}","fix":"${fix}","requestId":"$context.requestId"}`,
      },
    });
  say(
    ResponseType.INTEGRATION_FAILURE,
    '503',
    'unavailable',
    'The service does not answer',
    'Send it again after Retry-After, or as a job.',
    again,
  );
  say(
    ResponseType.INTEGRATION_TIMEOUT,
    '503',
    'unavailable',
    'The service took too long',
    'Send it as a job: POST /v1/uploads, then POST /v1/jobs.',
    again,
  );
  say(ResponseType.THROTTLED, '429', 'throttled', 'Too many requests', 'Send fewer at a time.', {
    'Retry-After': "'1'",
  });
  say(
    ResponseType.QUOTA_EXCEEDED,
    '429',
    'quota_exceeded',
    'The quota of the key is used up',
    'Ask the operator for more.',
  );
  say(
    ResponseType.REQUEST_TOO_LARGE,
    '413',
    'too_large',
    'Too large for one request',
    'Send it as a job: POST /v1/uploads, then POST /v1/jobs.',
  );
}
