import { readFile } from 'node:fs/promises';

/** The bytes of a file of this program: read at the first request, then shared by all responses. */
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
