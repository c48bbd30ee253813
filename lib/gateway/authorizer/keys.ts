import type { Jwk } from './verify.ts';

/** Keys are asked for again after this, or when a token names one that is not among them. */
const freshMs = 3_600_000;
/** Tokens that name keys which do not exist must not become requests to the issuer. */
const pauseMs = 30_000;

/** The keys that an issuer publishes (OpenID Connect Discovery 1.0), remembered. */
export function publishedKeys(issuer: string): (kid: string | undefined, now: Date) => Promise<readonly Jwk[]> {
  let keys: readonly Jwk[] = [];
  let asked = Number.NEGATIVE_INFINITY;
  return async (kid, now) => {
    const age = now.getTime() - asked;
    const known = keys.some((key) => key.kid === kid);
    if (age > freshMs || (!known && age > pauseMs)) {
      const found = (await fetched(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)) as Discovery;
      // Section 4.3: or somebody else's keys would do.
      if (found.issuer !== issuer) throw new Error('the issuer calls itself otherwise');
      keys = ((await fetched(found.jwks_uri)) as { readonly keys: readonly Jwk[] }).keys;
      asked = now.getTime();
    }
    return keys;
  };
}

type Discovery = { readonly issuer: string; readonly jwks_uri: string };

async function fetched(url: string): Promise<unknown> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(3000) });
  if (!response.ok) throw new Error(`the issuer answered ${response.status}`);
  return response.json();
}
