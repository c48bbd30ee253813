import type { Vault } from '../platform/vault.ts';

/** Encrypt a value as JSON. */
export const sealJson = (vault: Vault, value: unknown, context: string): Uint8Array =>
  vault.seal(new TextEncoder().encode(JSON.stringify(value)), context);

/** Decrypt a value of {@link sealJson}. The caller names the type that it sealed. */
export const openJson = <Value>(vault: Vault, sealed: Uint8Array, context: string): Value =>
  JSON.parse(new TextDecoder().decode(vault.open(sealed, context))) as Value;
