import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secrets } from './access.ts';

/** RFC 4648 base32 in lower case: easy to read aloud, and without `_`. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
/** 256 is a multiple of 32, so all letters have the same probability. */
const base32 = (letters: number) => Array.from(randomBytes(letters), (byte) => alphabet[byte % 32]).join('');

/** A new API key: `alara_`, an id of 50 bits, `_`, and a secret of 160 bits. */
export const makeKey = (): string => `alara_${base32(10)}_${base32(32)}`;

/** The id in a key, which may be shown. Empty where the text is not a key. */
export const idOf = (key: string): string => /^alara_([a-z2-7]{10})_[a-z2-7]{32}$/.exec(key)?.[1] ?? '';

/**
 * The digest of a key that is stored. A fast hash is enough for 160 random bits. A slow hash protects passwords, which
 * can be guessed, and would slow down every request.
 */
export const hashKey = (key: string): Uint8Array => createHash('sha256').update(key).digest();

/** Whether a key has this digest. The comparison takes constant time. */
export const isKey = (key: string, digest: Uint8Array): boolean => timingSafeEqual(hashKey(key), digest);

/** Stored signing secrets. An earlier release stored the one secret as a string. */
export const secretsOf = (stored: string | Secrets): Secrets =>
  typeof stored === 'string' ? { secret: stored } : stored;

/** Secrets after a rotation: a new one, and the current one as the previous. An older previous one is dropped. */
export const rotatedSecrets = ({ secret }: Secrets, previousUntil: Date): Secrets => ({
  secret: makeWebhookSecret(),
  previous: { secret, until: previousUntil.toISOString() },
});

/** A signing secret in the format of Standard Webhooks, which demands 24 to 64 random bytes. */
export const makeWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
