import { AccessLogField, AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';

/** Caller, time and result of each request. Without the path, because a STOW-RS path names a study. */
export const accessLogFormat = AccessLogFormat.custom(
  JSON.stringify({
    time: AccessLogField.contextRequestTime(),
    requestId: AccessLogField.contextRequestId(),
    method: AccessLogField.contextHttpMethod(),
    status: AccessLogField.contextStatus(),
    keyId: AccessLogField.contextIdentityApiKeyId(),
    address: AccessLogField.contextIdentitySourceIp(),
    bytes: AccessLogField.contextResponseLength(),
    latencyMs: AccessLogField.contextResponseLatency(),
    integrationMs: AccessLogField.contextIntegrationLatency(),
    firewall: AccessLogField.contextWafResponseCode(),
  }),
);
