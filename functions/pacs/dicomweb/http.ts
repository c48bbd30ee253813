import {
  type ConnectionFailureKind,
  connectionFailureOf,
  connectionFailureTexts,
} from '../../core/connection-failure.ts';
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
    const text = (problem: string) => `${name} ${problem} (request: ${operation})`;
    const unavailable = (problem: string, more: { readonly fix?: string; readonly cause?: string } = {}) =>
      fail<Fault>({ code: 'pacs_unavailable', problem: text(problem), ...more });
    const refused = (problem: string) => fail<Fault>({ code: 'pacs_refused', problem: text(problem) });

    // Setup faults are retried for longer than other faults, because a person has to correct the configuration first.
    const misconfigured = (problem: string, fix?: string) =>
      fail<Fault>({ code: 'pacs_refused', problem: text(problem), setup: true, ...(fix !== undefined && { fix }) });

    const secret = readSecret(endpoint);
    if (!secret.ok)
      return misconfigured(
        'was not called, because its secret cannot be read',
        `Make the secret file of pacs.${name} readable for the user of the service.`,
      );
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
      if (status === 401 || status === 403)
        return secret.value === undefined
          ? misconfigured(`${answer}, because ALARA_PACS has no credentials for it`, credentialsFix(name))
          : misconfigured(`${answer} to the credentials in ALARA_PACS`, credentialsFix(name));
      if (status >= 300 && status < 400) return misconfigured(`${answer}, a redirect, which is not followed`);
      if (status === 404 && !isForOneObject) return misconfigured(answer);
      return refused(answer);
    } catch (error) {
      if (signal?.aborted) return unavailable('did not answer before the request was aborted');
      if (timeout.aborted)
        return unavailable(`did not answer within ${timeoutSeconds} s`, {
          fix: `Check the load of the PACS, or raise pacs.${name}.timeoutSeconds. The work is tried again.`,
        });
      const { kind, code } = connectionFailureOf(error);
      return unavailable(connectionFailureTexts[kind], { fix: connectionFixes[kind], cause: code });
    }
  };
}

const credentialsFix = (name: string) =>
  `Set username and passwordFile (or bearerTokenFile) of pacs.${name} to those of a user of the PACS; in Orthanc, a user of RegisteredUsers.`;

/** How an operator repairs each kind of failure. */
const connectionFixes: Readonly<Record<ConnectionFailureKind, string>> = {
  refused: 'Start the PACS, or correct the host and the port of its address in ALARA_PACS. The work is tried again.',
  unresolved: 'Correct the host name in ALARA_PACS, or the name service of this machine.',
  unreachable: 'Check the address in ALARA_PACS, the route to it, and the firewalls on the way.',
  untrusted: 'Start the service with NODE_EXTRA_CA_CERTS set to a PEM file with the certificate of its authority.',
  outdated: 'Renew the certificate of the PACS, and check the clocks of both machines.',
  otherHost: 'Write the host name of the certificate into ALARA_PACS.',
  notTls: 'Write http:// into ALARA_PACS in place of https://, or the port of HTTPS.',
  tls: 'Allow TLS 1.2 or 1.3 at the PACS. The service has no client certificate.',
  notHttp: 'Write the HTTP port of the PACS into ALARA_PACS, not the port of C-STORE.',
  broken:
    'Check the log of the PACS. If every request fails, write https:// for a port with TLS, and the HTTP port in place of the port of C-STORE.',
  unknown: 'Check the address in ALARA_PACS with curl on this machine.',
};

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

/** What a response is that a client does not understand. A login page and the page of a proxy are HTML. */
export const unexpectedAnswer = (response: Response, expected: string): string =>
  /^text\/html\b/i.test(response.headers.get('content-type') ?? '')
    ? `answered with a web page in place of ${expected}`
    : `answered with something else than ${expected}`;
