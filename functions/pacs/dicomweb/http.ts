import type { Fault } from '../../core/fault.ts';
import { fail, type Result } from '../../core/result.ts';
import { concatBytes } from '../../platform/concat.ts';
import { type Credentials, readSecret } from '../credentials.ts';

/** The address of a PACS, its credentials and the time limit of a request. */
export type Endpoint = Credentials & {
  /** The name in the configuration. Fault texts contain the name, because they must not contain an address or a UID. */
  readonly name: string;
  readonly baseUrl: string;
  readonly timeoutSeconds: number;
};

export type HttpRequest = {
  /** A description of the request for fault texts. It contains no UID. */
  readonly operation: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Whether status 404 means that the requested object is missing. Otherwise it means that the service is missing. */
  readonly isForOneObject?: boolean;
  /** Statuses that the caller handles. Each other failure becomes a fault. */
  readonly acceptedStatuses?: readonly number[];
  readonly signal?: AbortSignal | undefined;
};

/** Sends one request to a PACS. The time limit includes the time of `readResponse`. */
export type HttpClient = <Value>(
  request: HttpRequest,
  readResponse: (response: Response) => Promise<Result<Value, Fault>>,
) => Promise<Result<Value, Fault>>;

export function createHttpClient(endpoint: Endpoint, send: typeof fetch = fetch): HttpClient {
  const { name, baseUrl, timeoutSeconds } = endpoint;
  return async (
    { operation, path, method = 'GET', headers, body, isForOneObject = false, acceptedStatuses = [], signal },
    readResponse,
  ) => {
    const unavailable = (problem: string) =>
      fail<Fault>({ code: 'pacs_unavailable', problem: `${name} ${problem} (request: ${operation})` });
    const refused = (problem: string) =>
      fail<Fault>({ code: 'pacs_refused', problem: `${name} ${problem} (request: ${operation})` });

    // Setup faults are retried for longer than other faults, because a person has to correct the configuration first.
    const misconfigured = (problem: string) =>
      fail<Fault>({ code: 'pacs_refused', problem: `${name} ${problem} (request: ${operation})`, setup: true });

    const secret = readSecret(endpoint);
    if (!secret.ok) return misconfigured('was not called, because its secret cannot be read');
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      const response = await send(baseUrl + path, {
        method,
        headers: { ...headers, ...(secret.value !== undefined && { authorization: secret.value }) },
        ...(body && { body }),
        // Redirects are not followed, so an answer cannot send the secret or a film to another address.
        redirect: 'manual',
        signal: signal ? AbortSignal.any([timeout, signal]) : timeout,
      });
      const { status } = response;
      if (response.ok || acceptedStatuses.includes(status)) return await readResponse(response);
      await response.body?.cancel();
      const answer = `answered ${status}`;
      if (status >= 500 || status === 429 || status === 408) return unavailable(answer);
      if (status === 401 || status === 403) return misconfigured(`${answer} to the credentials in ALARA_PACS`);
      if (status >= 300 && status < 400) return misconfigured(`${answer}, a redirect, which is not followed`);
      if (status === 404 && !isForOneObject) return misconfigured(answer);
      return refused(answer);
    } catch (error) {
      if (signal?.aborted) return unavailable('did not answer before the request was aborted');
      if (timeout.aborted) return unavailable(`did not answer within ${timeoutSeconds} s`);
      return unavailable(`cannot be reached, or broke the connection: ${errorCodeOf(error)}`);
    }
  };
}

/** The error code, for example ECONNREFUSED. The message is not used, because it can contain an address. */
function errorCodeOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('code' in at && typeof at.code === 'string' && /^[A-Z0-9_]+$/.test(at.code)) return at.code;
  return error instanceof Error ? error.name : 'unknown';
}

/** The bytes of a stream. Undefined if the stream is longer than `limitBytes`. */
export async function readBounded(
  chunks: AsyncIterable<Uint8Array> | null,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const received: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the stream.
    if (length > limitBytes) return undefined;
    received.push(chunk);
  }
  return concatBytes(received, length);
}

/** Limit of a JSON response, far above the size of a page of matches. */
const jsonLimitBytes = 64_000_000;

/**
 * Parse the JSON body of a response. Undefined if the body is too long or no JSON. An empty body is an empty list, as of a
 * response with status 204.
 */
export async function readJson(response: Response): Promise<unknown> {
  const bytes = await readBounded(response.body, jsonLimitBytes);
  if (bytes?.length === 0) return [];
  try {
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
