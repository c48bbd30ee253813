/** The position of each follower of a PACS. Store it only after the work before the position is queued durably. */
export type Cursors = {
  get(name: string): Promise<string | undefined>;
  /** Move a cursor from one position to another. False where another process moved it first. */
  move(name: string, from: string | undefined, to: string): Promise<boolean>;
};
