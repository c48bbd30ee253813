/** The media types that are decoded. */
export type MediaType = 'image/png' | 'image/jpeg';

const signatures: readonly (readonly [MediaType, readonly number[]])[] = [
  ['image/png', [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
];

/** What the first bytes say a file is, whatever its name or header claims. */
export const sniff = (bytes: Uint8Array): MediaType | undefined =>
  signatures.find(([, signature]) => signature.every((byte, i) => bytes[i] === byte))?.[0];
