import { connectionFailureOf, connectionFailureTexts } from '../../core/connection-failure.ts';
import { StoreUnavailable } from '../store-unavailable.ts';

/** The errors of AWS for missing capacity, which have a 4xx status. */
const throttled = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'Throttling',
  'TransactionInProgressException',
  'TooManyRequestsException',
  'LimitExceededException',
  'SlowDown',
  'RequestThrottled',
  'KmsThrottled',
  'RequestTimeout',
  'RequestTimeoutException',
];
/**
 * The errors of AWS for denied access: the role of the task lacks a permission, the KMS key is disabled, credentials have
 * expired, or the clock is wrong. The operator can repair all of them, and no film or job is at fault. Some have status 400.
 */
const denied =
  /^(AccessDenied|AllAccessDisabled|AccountProblem|AuthFailure|ExpiredToken|IncompleteSignature|InvalidAccessKeyId|InvalidClientTokenId|InvalidSignature|InvalidToken|KMS|Kms|MissingAuthenticationToken|NotSignedUp|OptInRequired|RequestExpired|RequestTimeTooSkewed|SignatureDoesNotMatch|TokenRefreshRequired|UnrecognizedClient)/;
/** The error codes of Node for connections, and of the SDK for answers that are missing or truncated. */
const disconnected =
  /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_|ENOTFOUND|ERR_STREAM_PREMATURE_CLOSE|ERR_SOCKET|ERR_SSL|UND_ERR)/;

/** Wrap an outage that the SDK reports as StoreUnavailable, after all retries. Other errors stay as they are. */
export function asOutage(error: unknown): unknown {
  if (error instanceof StoreUnavailable || !(error instanceof Error) || !isOutage(error)) return error;
  return new StoreUnavailable(storeProblem(error), { cause: error, code: error.name });
}

/** Why a store of AWS cannot be used: a failed connection in plain words, or the answer of AWS. */
export function storeProblem(error: unknown): string {
  const { kind } = connectionFailureOf(error);
  if (kind !== 'unknown') return `the store ${connectionFailureTexts[kind]}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : 'unknown error';
}

function isOutage(error: Error & { code?: unknown; $metadata?: { httpStatusCode?: number } }): boolean {
  if (throttled.includes(error.name) || error.name === 'TimeoutError') return true;
  if (typeof error.code === 'string' && disconnected.test(error.code)) return true;
  // The credentials endpoint belongs to the agent on the same host, and is away while the agent restarts.
  if (error.name === 'CredentialsProviderError') return true;
  const status = error.$metadata?.httpStatusCode ?? 0;
  return denied.test(error.name) || status === 401 || status === 403 || status >= 500;
}
