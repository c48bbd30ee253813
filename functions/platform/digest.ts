import { createHash } from 'node:crypto';

/** SHA-256 of bytes or text, in hexadecimal digits, computed on the calling thread: for what is small or must not wait. */
export const sha256Sync = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');
