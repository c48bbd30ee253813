import { isLoopback } from '../../platform/loopback.ts';

/** What somebody between this machine and its caller adds to a request (RFC 7239, RFC 9110 7.6.3, and custom). */
const relayed = /^(forwarded|via|x-forwarded-.+|x-real-ip)$/;

/**
 * Why a request that brings no key is not answered though this service listens on loopback only; undefined where it is
 * one of this machine's own. A proxy or a tunnel to this port makes every caller look like this machine. So does a page
 * of another site in a browser here: it may ask, or have its own name point to 127.0.0.1 and read the answer as well.
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
