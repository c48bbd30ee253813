import type { Fault } from '../../core/fault.ts';
import { fail, type Result } from '../../core/result.ts';
import { joined } from '../../platform/concat.ts';
import { type Credentials, readSecret } from '../credentials.ts';

/** Where a PACS is, and how it is asked. */
export type Endpoint = Credentials & {
  /** As the configuration names it: it stands in fault texts, which an address or a UID must not. */
  readonly name: string;
  readonly baseUrl: string;
  readonly timeoutSeconds: number;
};

export type PacsRequest = {
  /** What it is about, for fault texts: holds no UID. */
  readonly about: string;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Whether 404 is about the one object that is asked for, and not about the service. */
  readonly ofObject?: boolean;
  /** Statuses that mean something besides success; every other failure becomes a fault. */
  readonly also?: readonly number[];
  readonly signal?: AbortSignal | undefined;
};

/** Asks one PACS. `take` reads the answer within the same time limit. */
export type HttpClient = <Value>(
  question: PacsRequest,
  take: (response: Response) => Promise<Result<Value, Fault>>,
) => Promise<Result<Value, Fault>>;

export function createHttpClient(endpoint: Endpoint, send: typeof fetch = fetch): HttpClient {
  const { name, baseUrl, timeoutSeconds } = endpoint;
  return async ({ about, path, method = 'GET', headers, body, ofObject = false, also = [], signal }, take) => {
    const unavailable = (what: string) =>
      fail<Fault>({ code: 'pacs_unavailable', problem: `${name} ${what}, asked for ${about}` });
    const refused = (what: string) =>
      fail<Fault>({ code: 'pacs_refused', problem: `${name} ${what}, asked for ${about}` });

    // Somebody is about to correct it: what waits for that must not be given up within minutes.
    const setup = (what: string) =>
      fail<Fault>({ code: 'pacs_refused', problem: `${name} ${what}, asked for ${about}`, setup: true });

    const secret = readSecret(endpoint);
    if (!secret.ok) return setup('was not asked, because its secret cannot be read');
    const limit = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      const response = await send(baseUrl + path, {
        method,
        headers: { ...headers, ...(secret.value !== undefined && { authorization: secret.value }) },
        ...(body && { body }),
        // Only configured addresses are asked: an answer cannot send the secret, or a film, elsewhere.
        redirect: 'manual',
        signal: signal ? AbortSignal.any([limit, signal]) : limit,
      });
      const { status } = response;
      if (response.ok || also.includes(status)) return await take(response);
      await response.body?.cancel();
      const answered = `answered ${status}`;
      if (status >= 500 || status === 429 || status === 408) return unavailable(answered);
      if (status === 401 || status === 403) return setup(`${answered} to the credentials in ALARA_PACS`);
      if (status >= 300 && status < 400) return setup(`${answered}, a redirect, which is not followed`);
      if (status === 404 && !ofObject) return setup(answered);
      return refused(answered);
    } catch (error) {
      if (signal?.aborted) return unavailable('was not waited for, because the work was stopped');
      if (limit.aborted) return unavailable(`did not answer within ${timeoutSeconds} s`);
      return unavailable(`broke the connection (${reasonOf(error)})`);
    }
  };
}

/** A name such as ECONNREFUSED: messages of the network layer repeat addresses. */
function reasonOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('code' in at && typeof at.code === 'string' && /^[A-Z0-9_]+$/.test(at.code)) return at.code;
  return error instanceof Error ? error.name : 'unknown';
}

/** The bytes of a stream of at most `limitBytes`; undefined when it is longer. */
export async function readBounded(
  chunks: AsyncIterable<Uint8Array> | null,
  limitBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the stream.
    if (length > limitBytes) return undefined;
    kept.push(chunk);
  }
  return joined(kept, length);
}

/** No page of an answer in JSON comes near this. */
const jsonLimitBytes = 64_000_000;

/** A body of JSON, bounded; undefined when it is longer or something else. An empty body is an empty list: 204. */
export async function readJson(response: Response): Promise<unknown> {
  const bytes = await readBounded(response.body, jsonLimitBytes);
  if (bytes?.length === 0) return [];
  try {
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
