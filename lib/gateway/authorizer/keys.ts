import type { Jwk } from './verify.ts';

/** The keys are downloaded again after this time, or when a token names an unknown key. */
const maxAgeMs = 3_600_000;
/** The minimum time between two downloads, so that tokens with invented key ids do not flood the issuer with requests. */
const minIntervalMs = 30_000;

/** The public keys of an issuer (OpenID Connect Discovery 1.0), cached. */
export function publishedKeys(issuer: string): (kid: string | undefined, now: Date) => Promise<readonly Jwk[]> {
  let keys: readonly Jwk[] = [];
  let downloadedAt = Number.NEGATIVE_INFINITY;
  return async (kid, now) => {
    const age = now.getTime() - downloadedAt;
    const known = keys.some((key) => key.kid === kid);
    if (age > maxAgeMs || (!known && age > minIntervalMs)) {
      const discovery = (await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)) as Discovery;
      // OpenID Connect Discovery 1.0, section 4.3: otherwise the keys of another issuer would be accepted.
      if (discovery.issuer !== issuer) throw new Error('The discovery document names another issuer.');
      keys = ((await getJson(discovery.jwks_uri)) as { readonly keys: readonly Jwk[] }).keys;
      downloadedAt = now.getTime();
    }
    return keys;
  };
}

type Discovery = { readonly issuer: string; readonly jwks_uri: string };

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(3000) });
  if (!response.ok) throw new Error(`The issuer answered ${response.status}.`);
  return response.json();
}
