import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The database, what SQLite keeps beside it under the same mode, and films. */
const files = ['alara.sqlite', 'alara.sqlite-wal', 'alara.sqlite-shm'] as const;

/**
 * Let nobody but the owner read what is kept, whatever the umask is and whoever made the folder. SQLite makes its files
 * for everyone to read; a reading names no patient, but it is nobody else's either, and the tenants of keys stand there.
 */
export function keepPrivate(folder: string): void {
  const [database] = files;
  // Made before SQLite would, and never opened once it is there: closing a file ends every lock that SQLite has on it.
  if (!existsSync(join(folder, database))) closeSync(openSync(join(folder, database), 'a', 0o600));
  for (const name of files) narrow(join(folder, name), 0o600);
  narrow(join(folder, 'blobs'), 0o700);
}

/** Whether others may put files in the place of these: a folder that the operator made is not ours to change. */
export function isOpenToOthers(folder: string): boolean {
  return process.platform !== 'win32' && (statSync(folder).mode & 0o022) !== 0;
}

function narrow(path: string, mode: number): void {
  const now = statSync(path, { throwIfNoEntry: false })?.mode;
  if (now === undefined || (now & 0o777 & ~mode) === 0) return;
  try {
    chmodSync(path, mode);
  } catch (error) {
    // Another user's, of a group that shares the folder: they have decided that.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error;
  }
}
