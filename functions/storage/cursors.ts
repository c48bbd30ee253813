/** How far a follower has come, by its name. Kept before the work it points to is forgotten, never after. */
export type Cursors = {
  get(name: string): Promise<string | undefined>;
  /** Move a cursor that still is where `from` says; false when another process moved it first. */
  move(name: string, from: string | undefined, to: string): Promise<boolean>;
};
