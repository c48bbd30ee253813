import { createHash, randomUUID } from 'node:crypto';
import { formatBytes } from '../../decode/sniff.ts';
import type { Blobs } from '../../storage/blobs.ts';

export type Copied = {
  readonly blob: string;
  /** SHA-256, in hexadecimal. */
  readonly digest: string;
  /** The first bytes, enough to tell the format. */
  readonly start: Uint8Array;
};

/** Copy a blob under a new id and hash it while it is copied; undefined if the blob does not exist. */
export async function copy(
  blobs: Blobs,
  from: string,
  limitBytes: number,
  tenant: string,
): Promise<Copied | undefined> {
  const blob = `film ${randomUUID()}`;
  const hash = createHash('sha256');
  let start = Buffer.alloc(0);
  return blobs.read(from, async (chunks, bytes) => {
    async function* passing() {
      for await (const chunk of chunks) {
        hash.update(chunk);
        if (start.length < formatBytes) start = Buffer.concat([start, chunk.subarray(0, formatBytes)]);
        yield chunk;
      }
    }
    // An accepted upload stays usable even if the limit was lowered since.
    await blobs.put(blob, passing(), Math.max(bytes, limitBytes), tenant);
    return { blob, digest: hash.digest('hex'), start };
  });
}
