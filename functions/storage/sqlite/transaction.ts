import type { DatabaseSync } from 'node:sqlite';

/** Do all of `work` or nothing of it, while no other process writes. */
export function transaction<Value>(db: DatabaseSync, work: () => Value): Value {
  // IMMEDIATE takes the write lock now: a transaction that begins by reading could not be made to wait for it later.
  db.exec('BEGIN IMMEDIATE');
  try {
    const value = work();
    db.exec('COMMIT');
    return value;
  } catch (error) {
    // SQLite itself has rolled back after some errors, a full disk among them.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}
