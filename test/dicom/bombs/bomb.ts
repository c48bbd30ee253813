/** A file made to do harm, and what it does in words. */
export type Bomb = { readonly name: string; make(): Buffer<ArrayBuffer> };

export const bomb = (name: string, make: () => Buffer<ArrayBuffer>): Bomb => ({ name, make });
