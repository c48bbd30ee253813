import { readFile } from 'node:fs/promises';

/** A file that is read at the first call and then cached in memory. A failed read is repeated at the next call. */
export function cachedFile(path: URL): () => Promise<Buffer<ArrayBuffer>> {
  let bytes: Promise<Buffer<ArrayBuffer>> | undefined;
  return () => {
    bytes ??= readFile(path).catch((error) => {
      bytes = undefined;
      throw error;
    });
    return bytes;
  };
}
