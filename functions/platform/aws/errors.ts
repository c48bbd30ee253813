import { StoreUnavailable } from '../store-unavailable.ts';

/** What AWS says when it has no capacity for a caller, with a 4xx status. */
const throttled = [
  ...['ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'ThrottlingException', 'Throttling'],
  ...['TransactionInProgressException', 'TooManyRequestsException', 'LimitExceededException', 'SlowDown'],
  ...['RequestThrottled', 'KmsThrottled', 'RequestTimeout', 'RequestTimeoutException'],
];
/**
 * What AWS says when it does not let a task in: its role lacks a permission, the key of KMS is disabled, its credentials
 * have expired or its clock is wrong. That is between the operator and AWS, and passes when they mend it: no film and no
 * job is at fault. Some of it comes with a status of 400.
 */
const refused =
  /^(AccessDenied|AllAccessDisabled|AccountProblem|AuthFailure|ExpiredToken|IncompleteSignature|InvalidAccessKeyId|InvalidClientTokenId|InvalidSignature|InvalidToken|KMS|Kms|MissingAuthenticationToken|NotSignedUp|OptInRequired|RequestExpired|RequestTimeTooSkewed|SignatureDoesNotMatch|TokenRefreshRequired|UnrecognizedClient)/;
/** What Node says of a connection, the SDK of an answer that does not come or ends too early. */
const disconnected =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|ERR_STREAM_PREMATURE_CLOSE|ERR_SOCKET|ERR_SSL|UND_ERR)/;

/** An error of the SDK, as a passing one where it is. Its retries are over by then. */
export function asOutage(error: unknown): unknown {
  if (error instanceof StoreUnavailable || !(error instanceof Error) || !isOutage(error)) return error;
  return new StoreUnavailable(`${error.name}: ${error.message}`, { cause: error, code: error.name });
}

function isOutage(error: Error & { code?: unknown; $metadata?: { httpStatusCode?: number } }): boolean {
  if (throttled.includes(error.name) || error.name === 'TimeoutError') return true;
  if (typeof error.code === 'string' && disconnected.test(error.code)) return true;
  // The task's credentials endpoint belongs to the agent on the same host, and restarts with it.
  if (error.name === 'CredentialsProviderError') return true;
  const status = error.$metadata?.httpStatusCode ?? 0;
  return refused.test(error.name) || status === 401 || status === 403 || status >= 500;
}
