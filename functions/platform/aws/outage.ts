import { StoreUnavailable } from '../unavailable.ts';

/** What AWS says when it has no capacity for a caller, with a 4xx status. */
const throttled = [
  ...['ProvisionedThroughputExceededException', 'RequestLimitExceeded', 'ThrottlingException', 'Throttling'],
  ...['TransactionInProgressException', 'TooManyRequestsException', 'LimitExceededException', 'SlowDown'],
  ...['RequestThrottled', 'KmsThrottled', 'RequestTimeout', 'RequestTimeoutException'],
];
/** What Node says of a connection, the SDK of an answer that does not come or ends too early. */
const disconnected =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|ERR_STREAM_PREMATURE_CLOSE|ERR_SOCKET|ERR_SSL|UND_ERR)/;

/** An error of the SDK, as a passing one where it is. Its retries are over by then. */
export function asOutage(error: unknown): unknown {
  if (error instanceof StoreUnavailable || !(error instanceof Error) || !isOutage(error)) return error;
  return new StoreUnavailable(`${error.name}: ${error.message}`, { cause: error });
}

function isOutage(error: Error & { code?: unknown; $metadata?: { httpStatusCode?: number } }): boolean {
  if (throttled.includes(error.name) || error.name === 'TimeoutError') return true;
  if (typeof error.code === 'string' && disconnected.test(error.code)) return true;
  // The task's credentials endpoint belongs to the agent on the same host, and restarts with it.
  if (error.name === 'CredentialsProviderError') return true;
  return (error.$metadata?.httpStatusCode ?? 0) >= 500;
}
