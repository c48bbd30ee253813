import { isLoopback } from '../../platform/loopback.ts';

/** Headers that a proxy adds to a request (RFC 7239, RFC 9110 7.6.3, and custom). */
const proxyHeaders = /^(forwarded|via|x-forwarded-.+|x-real-ip)$/;

/**
 * Why a request without a key is refused although the service listens on loopback only; undefined for a request from this
 * machine. Behind a proxy or a tunnel, every client has a loopback address. So has a page of another site in a local browser:
 * the page can send requests, and with DNS rebinding to 127.0.0.1 it can read the responses.
 * The operator may allow origins.
 */
export function nonLocalProblem(
  { url, headers }: Pick<Request, 'url' | 'headers'>,
  allowedOrigins: readonly string[],
): string | undefined {
  const requestUrl = new URL(url);
  const host = headers.get('host') ?? requestUrl.host;
  const isLocal = [requestUrl.hostname, URL.parse(`http://${host}`)?.hostname ?? ''].every(isLoopback);
  if (!isLocal) return 'no API key was sent, and the host of the request is not localhost';
  if ([...headers.keys()].some((name) => proxyHeaders.test(name)))
    return 'no API key was sent, and the request came through a proxy';
  const origin = headers.get('origin');
  const isAllowed = origin === null || allowedOrigins.includes(origin);
  if (!isAllowed && URL.parse(origin)?.host !== URL.parse(`http://${host}`)?.host)
    return 'no API key was sent, and a page of another site sent the request';
  return undefined;
}
