/**
 * Keeps bytes between their arrival and their reading, sealed: a film may carry a name, in its header or burnt in.
 */
export type Blobs = {
  /**
   * Keep a stream under an id, all of it or nothing; undefined when it is longer than `limitBytes`. Putting an id again
   * replaces it.
   */
  put(
    id: string,
    bytes: ReadableStream<Uint8Array>,
    limitBytes: number,
  ): Promise<{ readonly bytes: number } | undefined>;
  get(id: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  remove(id: string): Promise<void>;
  /** Remove what was put before `before` and is still there, but for the ids in `keep`; the number that were removed. */
  prune(before: Date, keep?: ReadonlySet<string>): Promise<number>;
};
