import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secrets } from './access.ts';

/** RFC 4648 base32 in small letters: survives being read aloud, and has no `_`. */
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
/** 256 is a multiple of 32, so every letter is as likely. */
const base32 = (letters: number) => Array.from(randomBytes(letters), (byte) => alphabet[byte % 32]).join('');

/** A new API key: `alara_`, 50 bits that name it, `_`, and 160 bits that nobody guesses. */
export const makeKey = (): string => `alara_${base32(10)}_${base32(32)}`;

/** The part of a key that may be shown; empty where the text is no key at all. */
export const idOf = (key: string): string => /^alara_([a-z2-7]{10})_[a-z2-7]{32}$/.exec(key)?.[1] ?? '';

/**
 * What is kept of a key. A plain hash is enough: a slow one makes up for passwords that can be guessed, and would cost
 * every request.
 */
export const hashKey = (key: string): Uint8Array => createHash('sha256').update(key).digest();

/** Whether a text is the key of a digest, in a time that tells nothing about it. */
export const isKey = (key: string, digest: Uint8Array): boolean => timingSafeEqual(hashKey(key), digest);

/** What is kept of signing secrets: in the release before it was the one secret alone. */
export const secretsOf = (kept: string | Secrets): Secrets => (typeof kept === 'string' ? { secret: kept } : kept);

/** A new signing secret before one that goes; a secret that was already on its way out is gone. */
export const rotated = ({ secret }: Secrets, previousUntil: Date): Secrets => ({
  secret: makeWebhookSecret(),
  previous: { secret, until: previousUntil.toISOString() },
});

/** A signing secret in the form of Standard Webhooks: 24 to 64 random bytes. */
export const makeWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
