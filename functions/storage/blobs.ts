/** Where a caller may send a blob to by itself, and until when. */
export type Presigned = {
  readonly url: string;
  /** Sent exactly as they are. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
};

/** What a caller sent by itself is longer than it was allowed to be. */
export class BlobTooLarge extends Error {
  override name = 'BlobTooLarge';
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super(`longer than ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}

/** A tenant has as many bytes in the store as one tenant may have. */
export class QuotaExceeded extends Error {
  override name = 'QuotaExceeded';
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super(`a tenant may keep ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}

/** All of a blob, in a buffer of its own. */
export async function whole(pieces: AsyncIterable<Uint8Array>, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(bytes);
  let at = 0;
  for await (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  if (at !== bytes) throw new Error(`a blob of ${bytes} bytes had ${at}`);
  return all;
}

/**
 * Keeps bytes between their arrival and their reading, sealed: a film may carry a name, in its header or burnt in.
 */
export type Blobs = {
  /**
   * Keep a stream under an id, all of it or nothing; undefined when it is longer than `limitBytes`. Putting an id again
   * replaces it. It counts for `tenant`: throws {@link QuotaExceeded} where that one may keep no more.
   */
  put(
    id: string,
    bytes: AsyncIterable<Uint8Array>,
    limitBytes: number,
    tenant?: string,
  ): Promise<{ readonly bytes: number } | undefined>;
  /** Throws {@link BlobTooLarge} for what came past the limit of `presign`; so do `read` and `size`. */
  get(id: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  has(id: string): Promise<boolean>;
  /**
   * What `take` makes of a blob as it comes, piece by piece. Throws at its end where its bytes have changed: until then
   * nothing of it may be relied on.
   */
  read<Value>(
    id: string,
    take: (pieces: AsyncIterable<Uint8Array>, bytes: number) => Promise<Value>,
  ): Promise<Value | undefined>;
  /** How long a blob is. */
  size(id: string): Promise<number | undefined>;
  /** What one `put` or `read` has in memory, however long the blob is. */
  readonly heldBytes: number;
  remove(id: string): Promise<void>;
  /** Remove what was put before `before` and is still there, but for the ids in `keep`; the number that were removed. */
  prune(before: Date, keep?: ReadonlySet<string>): Promise<number>;
  /**
   * A place outside of this service where a caller may PUT a blob, for some seconds at the most; not there where blobs
   * come through the service only. What comes this way is not sealed by us.
   */
  presign?(id: string, limitBytes: number, seconds: number): Promise<Presigned>;
};
