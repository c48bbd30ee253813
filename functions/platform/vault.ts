import { createCipheriv, createDecipheriv, type DecipherGCM, randomBytes } from 'node:crypto';

/** Seals what names a patient before it is kept. */
export type Vault = {
  /** `context` is not kept: opening needs the same one, so that a sealed value cannot be moved to another place. */
  seal(plain: Uint8Array, context: string): Uint8Array<ArrayBuffer>;
  /** Seals as `seal` does, piece by piece, so that what is large is never held whole. */
  sealStream(plain: AsyncIterable<Uint8Array>, context: string): AsyncGenerator<Uint8Array>;
  /** Throws when key or context is another, or a byte has changed. The bytes have a buffer of their own. */
  open(sealed: Uint8Array, context: string): Uint8Array<ArrayBuffer>;
  /** Opens piece by piece. Throws at its end where `open` would: until then nothing of it may be relied on. */
  openStream(sealed: AsyncIterable<Uint8Array>, context: string): AsyncGenerator<Uint8Array>;
};

/** By how much a sealed value is longer than what was sealed. */
export const sealBytes = 28;

export const keyBytes = 32;
const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM under one key: nonce, ciphertext, tag. The nonces are random, so one key seals 2^32 values at the most
 * (NIST SP 800-38D 8.3).
 */
export function createVault(key: Uint8Array): Vault {
  if (key.length !== keyBytes) throw new Error(`a vault key has ${keyBytes} bytes, not ${key.length}`);

  function sealer(context: string) {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(context));
    return { iv, cipher };
  }

  return {
    seal(plain, context) {
      const { iv, cipher } = sealer(context);
      return new Uint8Array(Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
    },
    async *sealStream(plain, context) {
      const { iv, cipher } = sealer(context);
      yield iv;
      for await (const chunk of plain) yield cipher.update(chunk);
      yield cipher.final();
      yield cipher.getAuthTag();
    },
    open(sealed, context) {
      const end = sealed.length - tagBytes;
      const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, ivBytes), { authTagLength: tagBytes })
        .setAAD(Buffer.from(context))
        .setAuthTag(sealed.subarray(end));
      const plain = new Uint8Array(Math.max(0, end - ivBytes));
      // A mebibyte at a time, so that a film is not held three times over.
      for (let at = ivBytes; at < end; at += 2 ** 20)
        plain.set(decipher.update(sealed.subarray(at, Math.min(at + 2 ** 20, end))), at - ivBytes);
      decipher.final();
      return plain;
    },
    async *openStream(sealed, context) {
      let decipher: DecipherGCM | undefined;
      // The tag stands at the end, and the end is not known before it comes.
      let held = Buffer.alloc(0);
      for await (const piece of sealed) {
        held = Buffer.concat([held, piece]);
        if (!decipher) {
          if (held.length < ivBytes) continue;
          decipher = createDecipheriv(algorithm, key, held.subarray(0, ivBytes), { authTagLength: tagBytes });
          decipher.setAAD(Buffer.from(context));
          held = held.subarray(ivBytes);
        }
        const end = held.length - tagBytes;
        if (end <= 0) continue;
        yield decipher.update(held.subarray(0, end));
        held = held.subarray(end);
      }
      if (!decipher || held.length < tagBytes) throw new Error('a sealed value is cut short');
      decipher.setAuthTag(held).final();
    },
  };
}
