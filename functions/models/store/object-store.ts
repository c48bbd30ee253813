/** An object as it was found. The ETag names this version of it. */
export type Found = { readonly bytes: Uint8Array; readonly etag: string };

export type Head = {
  readonly bytes: number;
  readonly etag: string;
  /** Of the whole object, in hexadecimal digits, where the store keeps it. */
  readonly sha256?: string;
};

/** Where families are published: S3, or a folder that stands in for it. Throws {@link StoreUnavailable} when it does not answer. */
export type Objects = {
  /** How people name it. */
  readonly url: string;
  /** The whole of a small object; `unchanged` when it still is the version of `etag`. */
  read(key: string, etag?: string): Promise<Found | 'unchanged' | undefined>;
  head(key: string): Promise<Head | undefined>;
  /** The bytes from `start` up to `end`, of one version of an object. */
  range(key: string, etag: string, start: number, end: number): Promise<Uint8Array>;
  /** Store what is not there yet; false if it is there already. */
  create(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Replace one version of an object by another; false if somebody else was first. */
  replace(key: string, bytes: Uint8Array, etag: string): Promise<boolean>;
  /** The keys that begin so, in order. */
  list(prefix: string): Promise<string[]>;
};
