/** A malicious file and the description of its attack. */
export type Bomb = {
  readonly name: string;
  make(): Buffer<ArrayBuffer>;
  /** A codec may decode it nevertheless, if it finishes in time. */
  readonly readable?: true;
};

export const bomb = (name: string, make: () => Buffer<ArrayBuffer>): Bomb => ({ name, make });
