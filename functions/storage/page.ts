/** A position in a list, newest first: the list goes on behind the entry with this time and id. */
export type Position = { readonly createdAt: string; readonly id: string };
