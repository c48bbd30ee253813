import { readFile } from 'node:fs/promises';

/** A file of this program that is read at the first request and then shared by all responses. */
export function sharedFile(path: URL): () => Promise<Buffer<ArrayBuffer>> {
  let bytes: Promise<Buffer<ArrayBuffer>> | undefined;
  return () => {
    bytes ??= readFile(path).catch((error) => {
      bytes = undefined;
      throw error;
    });
    return bytes;
  };
}
