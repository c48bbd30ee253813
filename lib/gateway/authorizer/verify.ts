import { createPublicKey, type JsonWebKey, verify as verifySignature } from 'node:crypto';

/** A public key of an issuer (RFC 7517). */
export type Jwk = JsonWebKey & { readonly kid?: string; readonly alg?: string; readonly use?: string };

export type Expected = { readonly issuer: string; readonly audience: string; readonly now: Date };

/** Algorithms with a public key; `none` and those with a shared secret are not among them (RFC 8725 3.1). */
const algorithms = {
  RS256: { digest: 'sha256', type: 'rsa' },
  PS256: { digest: 'sha256', type: 'rsa', padding: 6, saltLength: 32 },
  ES256: { digest: 'sha256', type: 'ec', dsaEncoding: 'ieee-p1363' },
} as const;

/** Clocks differ. */
const leewaySeconds = 60;

/** The subject of a token that an issuer signed for this audience and that is valid now; undefined for any other. */
export function subjectOf(
  token: string,
  keys: readonly Jwk[],
  { issuer, audience, now }: Expected,
): string | undefined {
  const [head, body, mark, ...more] = token.split('.');
  if (!head || !body || !mark || more.length > 0) return undefined;
  const header = decoded(head);
  const claims = decoded(body);
  if (!header || !claims) return undefined;

  const algorithm = Object.entries(algorithms).find(([name]) => name === header['alg'])?.[1];
  // RFC 7515 4.1.11: an extension that is critical and unknown makes it invalid.
  if (!algorithm || 'crit' in header) return undefined;
  const key = keys.find(
    ({ kid, use = 'sig', alg = header['alg'] }) => kid === header['kid'] && use === 'sig' && alg === header['alg'],
  );
  if (!key) return undefined;
  const { digest, type, ...options } = algorithm;
  const publicKey = createPublicKey({ key, format: 'jwk' });
  // A key of another kind would be used by its own rules, not by those that the token names.
  if (publicKey.asymmetricKeyType !== type) return undefined;
  const signed = verifySignature(
    digest,
    Buffer.from(`${head}.${body}`),
    { key: publicKey, ...options },
    Buffer.from(mark, 'base64url'),
  );
  if (!signed) return undefined;

  const seconds = now.getTime() / 1000;
  const { iss, aud, exp, nbf, sub } = claims;
  const meant = Array.isArray(aud) ? aud.includes(audience) : aud === audience;
  if (iss !== issuer || !meant || typeof sub !== 'string' || typeof exp !== 'number') return undefined;
  if (exp + leewaySeconds < seconds) return undefined;
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf - leewaySeconds > seconds)) return undefined;
  return sub;
}

function decoded(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
