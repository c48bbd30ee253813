import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The database, and the files that SQLite creates beside it with the same mode. */
const files = ['alara.sqlite', 'alara.sqlite-wal', 'alara.sqlite-shm'] as const;

/**
 * Allow only the owner to read the store, whatever the umask is and whoever created the folder. SQLite creates files that
 * everyone may read, and they contain readings and the tenants of API keys.
 */
export function keepPrivate(folder: string): void {
  const [database] = files;
  // Created before SQLite opens it, and never opened once it exists: closing a file drops every lock of SQLite on it.
  if (!existsSync(join(folder, database))) closeSync(openSync(join(folder, database), 'a', 0o600));
  for (const name of files) narrow(join(folder, name), 0o600);
  narrow(join(folder, 'blobs'), 0o700);
}

/** Whether other users may replace the files. The service does not change the mode of a folder that the operator created. */
export function isOpenToOthers(folder: string): boolean {
  return process.platform !== 'win32' && (statSync(folder).mode & 0o022) !== 0;
}

function narrow(path: string, mode: number): void {
  const now = statSync(path, { throwIfNoEntry: false })?.mode;
  if (now === undefined || (now & 0o777 & ~mode) === 0) return;
  try {
    chmodSync(path, mode);
  } catch (error) {
    // The file belongs to another user of a group that shares the folder, who chose its mode.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
  }
}
