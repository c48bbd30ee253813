/** A URL to which a caller may upload a blob directly, and its expiry. */
export type Presigned = {
  readonly url: string;
  /** The caller must send these headers unchanged. */
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
};

/** A blob that a caller uploaded directly exceeds its limit. */
export class BlobTooLarge extends Error {
  override name = 'BlobTooLarge';
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super(`exceeds ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}

/** A tenant's films have reached the quota. */
export class QuotaExceeded extends Error {
  override name = 'QuotaExceeded';
  readonly limitBytes: number;
  constructor(limitBytes: number) {
    super(`a tenant may store ${limitBytes} bytes`);
    this.limitBytes = limitBytes;
  }
}

/** All bytes of a blob, in a buffer of their own. */
export async function whole(chunks: AsyncIterable<Uint8Array>, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(bytes);
  let at = 0;
  for await (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  if (at !== bytes) throw new Error(`expected a blob of ${bytes} bytes, received ${at}`);
  return all;
}

/**
 * Stores films until they are read. Films are encrypted, because a film may show a patient's name in its header or burnt
 * into its pixels.
 */
export type Blobs = {
  /**
   * Store a stream under an id, completely or not at all. Undefined where it exceeds `limitBytes`. A second put of an id
   * replaces the first. Throws {@link QuotaExceeded} where `tenant` has reached its quota.
   */
  put(
    id: string,
    bytes: AsyncIterable<Uint8Array>,
    limitBytes: number,
    tenant?: string,
  ): Promise<{ readonly bytes: number } | undefined>;
  /** `get`, `read` and `size` throw {@link BlobTooLarge} for a direct upload that exceeds the limit of `presign`. */
  get(id: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  has(id: string): Promise<boolean>;
  /**
   * Stream a blob into `take`, and return the result. Throws at the end of the stream if the bytes were changed, so do not
   * trust any of them before.
   */
  read<Value>(
    id: string,
    take: (chunks: AsyncIterable<Uint8Array>, bytes: number) => Promise<Value>,
  ): Promise<Value | undefined>;
  /** The size of a blob in bytes. */
  size(id: string): Promise<number | undefined>;
  /** The memory of one `put` or `read`, which does not depend on the size of the blob. */
  readonly heldBytes: number;
  remove(id: string): Promise<void>;
  /** Remove blobs that were put before `before`, except the ids in `keep`. Returns the number of removed blobs. */
  prune(before: Date, keep?: ReadonlySet<string>): Promise<number>;
  /**
   * A URL outside this service to which a caller may PUT a blob until it expires. The method is absent where uploads pass
   * through the service. This service does not encrypt direct uploads.
   */
  presign?(id: string, limitBytes: number, seconds: number): Promise<Presigned>;
};
