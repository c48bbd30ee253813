/** A file made to do harm, and what it does in words. */
export type Bomb = {
  readonly name: string;
  make(): Buffer<ArrayBuffer>;
  /** A codec may make sense of it all the same, as long as that is in time. */
  readonly readable?: true;
};

export const bomb = (name: string, make: () => Buffer<ArrayBuffer>): Bomb => ({ name, make });
