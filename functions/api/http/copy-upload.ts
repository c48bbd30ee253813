import { createHash, randomUUID } from 'node:crypto';
import { formatBytes } from '../../decode/sniff.ts';
import type { Blobs } from '../../storage/blobs.ts';

export type Copied = {
  readonly blob: string;
  /** SHA-256, in hexadecimal. */
  readonly digest: string;
  /** Enough of it to tell what it is. */
  readonly start: Uint8Array;
};

/** A copy of a blob under an id of its own, made as the bytes go by; undefined where there is no such blob. */
export async function copy(
  blobs: Blobs,
  from: string,
  limitBytes: number,
  tenant: string,
): Promise<Copied | undefined> {
  const blob = `film ${randomUUID()}`;
  const hash = createHash('sha256');
  let start = Buffer.alloc(0);
  return blobs.read(from, async (pieces, bytes) => {
    async function* passing() {
      for await (const piece of pieces) {
        hash.update(piece);
        if (start.length < formatBytes) start = Buffer.concat([start, piece.subarray(0, formatBytes)]);
        yield piece;
      }
    }
    // What was let in stays in, though the limit may be lower by now.
    await blobs.put(blob, passing(), Math.max(bytes, limitBytes), tenant);
    return { blob, digest: hash.digest('hex'), start };
  });
}
