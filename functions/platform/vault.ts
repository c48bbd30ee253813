import { createCipheriv, createDecipheriv, type DecipherGCM, randomBytes } from 'node:crypto';

/** Encrypts patient data before it is stored. */
export type Vault = {
  /** Encrypt. `context` is authenticated, not stored. `open` needs the same context, so a value copied to another record cannot be decrypted. */
  seal(plain: Uint8Array, context: string): Uint8Array<ArrayBuffer>;
  /** Encrypt a stream in the format of `seal`. Memory never holds all of the data. */
  sealStream(plain: AsyncIterable<Uint8Array>, context: string): AsyncGenerator<Uint8Array>;
  /** Decrypt. Throws if the key or the context differs, or if a byte was changed. The result does not share its buffer. */
  open(sealed: Uint8Array, context: string): Uint8Array<ArrayBuffer>;
  /** Decrypt a stream. The check comes after the last chunk, so do not trust any chunk before the stream ends without an error. */
  openStream(sealed: AsyncIterable<Uint8Array>, context: string): AsyncGenerator<Uint8Array>;
};

/** Number of bytes that `seal` adds: the nonce and the tag. */
export const sealOverheadBytes = 28;

export const keyBytes = 32;
const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

/**
 * AES-256-GCM with one key. A sealed value is nonce, ciphertext and tag. The nonces are random, so one key may seal 2^32
 * values at most (NIST SP 800-38D 8.3).
 */
export function createVault(key: Uint8Array): Vault {
  if (key.length !== keyBytes) throw new Error(`a vault key has ${keyBytes} bytes, not ${key.length}`);

  function newCipher(context: string) {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(context));
    return { iv, cipher };
  }

  return {
    seal(plain, context) {
      const { iv, cipher } = newCipher(context);
      return new Uint8Array(Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
    },
    async *sealStream(plain, context) {
      const { iv, cipher } = newCipher(context);
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
      // Decrypt one mebibyte at a time. A single call would allocate another copy of the whole film.
      for (let at = ivBytes; at < end; at += 2 ** 20)
        plain.set(decipher.update(sealed.subarray(at, Math.min(at + 2 ** 20, end))), at - ivBytes);
      decipher.final();
      return plain;
    },
    async *openStream(sealed, context) {
      let decipher: DecipherGCM | undefined;
      // The last bytes of the stream are the tag. Hold back as many bytes until the next chunk arrives.
      let held = Buffer.alloc(0);
      for await (const chunk of sealed) {
        held = Buffer.concat([held, chunk]);
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
      if (!decipher || held.length < tagBytes) throw new Error('a sealed value is truncated');
      decipher.setAuthTag(held).final();
    },
  };
}

/** Encrypt a value as JSON. */
export const sealJson = (vault: Vault, value: unknown, context: string): Uint8Array =>
  vault.seal(new TextEncoder().encode(JSON.stringify(value)), context);

/** Decrypt a value of {@link sealJson}. The caller names the type that it sealed. */
export const openJson = <Value>(vault: Vault, sealed: Uint8Array, context: string): Value =>
  JSON.parse(new TextDecoder().decode(vault.open(sealed, context))) as Value;
