import { createPublicKey, type JsonWebKey, verify as verifySignature } from 'node:crypto';

/** A public key of an issuer (RFC 7517). */
export type Jwk = JsonWebKey & { readonly kid?: string; readonly alg?: string; readonly use?: string };

export type Expected = { readonly issuer: string; readonly audience: string; readonly now: Date };

/** Public-key algorithms only: not `none`, and none with a shared secret (RFC 8725 3.1). */
const algorithms = {
  RS256: { digest: 'sha256', type: 'rsa' },
  PS256: { digest: 'sha256', type: 'rsa', padding: 6, saltLength: 32 },
  ES256: { digest: 'sha256', type: 'ec', dsaEncoding: 'ieee-p1363' },
} as const;

/** The tolerated difference between the clocks of issuer and service. */
const leewaySeconds = 60;

/** The id of the key that a token names (RFC 7515 4.1.4). */
export function keyIdOf(token: string): string | undefined {
  const kid = decode(token.split('.')[0] ?? '')?.['kid'];
  return kid === undefined ? undefined : String(kid);
}

/** The subject of a token that the issuer signed for this audience and that is valid now. Undefined for all other tokens. */
export function subjectOf(
  token: string,
  keys: readonly Jwk[],
  { issuer, audience, now }: Expected,
): string | undefined {
  const [head, body, signature, ...more] = token.split('.');
  if (!head || !body || !signature || more.length > 0) return undefined;
  const header = decode(head);
  const claims = decode(body);
  if (!header || !claims) return undefined;

  const algorithm = Object.entries(algorithms).find(([name]) => name === header['alg'])?.[1];
  // RFC 7515 4.1.11: an unknown critical extension makes the token invalid.
  if (!algorithm || 'crit' in header) return undefined;
  const key = keys.find(
    ({ kid, use = 'sig', alg = header['alg'] }) => kid === header['kid'] && use === 'sig' && alg === header['alg'],
  );
  if (!key) return undefined;
  const { digest, type, ...options } = algorithm;
  const publicKey = createPublicKey({ key, format: 'jwk' });
  // Node.js would verify with the algorithm of the key, not with the algorithm that the token names.
  if (publicKey.asymmetricKeyType !== type) return undefined;
  const valid = verifySignature(
    digest,
    Buffer.from(`${head}.${body}`),
    { key: publicKey, ...options },
    Buffer.from(signature, 'base64url'),
  );
  if (!valid) return undefined;

  const seconds = now.getTime() / 1000;
  const { iss, aud, exp, nbf, sub } = claims;
  const intended = Array.isArray(aud) ? aud.includes(audience) : aud === audience;
  if (iss !== issuer || !intended || typeof sub !== 'string' || typeof exp !== 'number') return undefined;
  if (exp + leewaySeconds < seconds) return undefined;
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf - leewaySeconds > seconds)) return undefined;
  return sub;
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
