/** An object and the ETag of this version. */
export type Found = { readonly bytes: Uint8Array; readonly etag: string };

export type Head = {
  readonly bytes: number;
  readonly etag: string;
  /** SHA-256 of the whole object in hexadecimal digits, if the store keeps it. */
  readonly sha256?: string;
};

/** A store of published families: S3 or a folder. Throws {@link StoreUnavailable} if it does not answer. */
export type Objects = {
  /** The address of the store, for messages. */
  readonly url: string;
  /** Read a small object. `unchanged` if its version is that of `etag`. */
  read(key: string, etag?: string): Promise<Found | 'unchanged' | undefined>;
  head(key: string): Promise<Head | undefined>;
  /** The bytes from `start` up to `end`, of one version of an object. */
  range(key: string, etag: string, start: number, end: number): Promise<Uint8Array>;
  /** Store a new object. False if the key exists. */
  create(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Replace one version of an object. False if another process was first. */
  replace(key: string, bytes: Uint8Array, etag: string): Promise<boolean>;
  /** The keys with a prefix, in order. */
  list(prefix: string): Promise<string[]>;
};
