import { statfsSync } from 'node:fs';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';

/** Result codes of SQLite (https://www.sqlite.org/rescode.html) that say something of the disk, the files or their locks. */
const outages: Readonly<Record<number, string>> = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  7: 'SQLITE_NOMEM',
  8: 'SQLITE_READONLY',
  10: 'SQLITE_IOERR',
  11: 'SQLITE_CORRUPT',
  13: 'SQLITE_FULL',
  14: 'SQLITE_CANTOPEN',
  15: 'SQLITE_PROTOCOL',
  26: 'SQLITE_NOTADB',
};

/** Errors of the file system. */
const errnos = new Set(
  ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ESTALE', 'ENXIO', 'EFBIG'].concat([
    ...['EMFILE', 'ENFILE', 'ENOMEM'],
  ]),
);

/** An error of the database or of the file system that the store did not expect, as StoreUnavailable; others as they are. */
export function asOutage(error: unknown, folder: string): unknown {
  const code = codeOf(error);
  if (error instanceof StoreUnavailable || code === undefined) return error;
  // A full disk makes SQLite fail in its shared memory first, which it calls an I/O error.
  const told = code === 'SQLITE_IOERR' && isFull(folder) ? 'SQLITE_FULL' : code;
  return new StoreUnavailable(`the store cannot be used now: ${told}`, { cause: error, code: told });
}

/** Whether an outage passes without another setting: the disk has no room, or another process holds the database. */
export const passes = (error: unknown): boolean =>
  error instanceof StoreUnavailable && /FULL|ENOSPC|EDQUOT|BUSY|NOMEM|EMFILE|ENFILE|ENOMEM/.test(error.code);

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error && typeof error.errcode === 'number') return outages[error.errcode & 0xff];
  return 'code' in error && typeof error.code === 'string' && errnos.has(error.code) ? error.code : undefined;
}

/** SQLite extends its shared memory by this. */
const shmBytes = 32_768;

function isFull(folder: string): boolean {
  try {
    return freeBytes(folder) < 2 * shmBytes;
  } catch {
    return false;
  }
}

/** Bytes that this user may still write to the disk of a folder. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
