import { isLoopback } from '../../platform/loopback.ts';

/** Headers that a proxy adds to a request (RFC 7239, RFC 9110 7.6.3, and custom). */
const relayed = /^(forwarded|via|x-forwarded-.+|x-real-ip)$/;

/**
 * Why a request without a key is refused although the service listens on loopback only; undefined for a request of this machine. A
 * proxy or tunnel to this port makes every caller look like this machine. So does a page of another site in a local browser: the page can
 * send requests, and with DNS rebinding to 127.0.0.1 it can read the answers.
 */
export function notOfThisMachine({ url, headers }: Pick<Request, 'url' | 'headers'>): string | undefined {
  const asked = new URL(url);
  const named = headers.get('host') ?? asked.host;
  const isLocal = [asked.hostname, URL.parse(`http://${named}`)?.hostname ?? ''].every(isLoopback);
  if (!isLocal) return 'no API key was sent, and the request names another host than localhost';
  if ([...headers.keys()].some((name) => relayed.test(name)))
    return 'no API key was sent, and the request came by way of a proxy';
  const origin = headers.get('origin');
  if (origin !== null && URL.parse(origin)?.host !== URL.parse(`http://${named}`)?.host)
    return "no API key was sent, and another site's page has sent the request";
  return undefined;
}
