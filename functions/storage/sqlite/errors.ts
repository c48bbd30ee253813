import { statfsSync } from 'node:fs';
import { inPlainWords } from '../../core/plain-words.ts';
import { StoreUnavailable } from '../../platform/store-unavailable.ts';

/** Result codes of SQLite (https://www.sqlite.org/rescode.html) for faults of the disk, the files or their locks. */
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

/** What the codes mean, for an operator. */
const meanings: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'another process holds the database',
  SQLITE_LOCKED: 'another process holds the database',
  SQLITE_NOMEM: 'this process has not enough memory',
  SQLITE_READONLY: 'the database is read-only',
  SQLITE_IOERR: 'the disk reports an error',
  SQLITE_CORRUPT: 'the database is damaged',
  SQLITE_FULL: 'the disk is full',
  SQLITE_CANTOPEN: 'the database cannot be opened',
  SQLITE_PROTOCOL: 'the file system does not lock the database',
  SQLITE_NOTADB: 'alara.sqlite is not a database',
};

/** Whether the file of the database has other content than a database of SQLite. */
export const isDamaged = (error: unknown): boolean =>
  error instanceof StoreUnavailable && /^SQLITE_(CORRUPT|NOTADB)$/.test(error.code);

/** Errors of the file system. */
const errnos = new Set(
  'ENOSPC EDQUOT EROFS EIO ENOENT ENOTDIR EACCES EPERM ESTALE ENXIO EFBIG EMFILE ENFILE ENOMEM'.split(' '),
);

/** Wrap a fault of the database or of the file system as StoreUnavailable. Other errors stay as they are. */
export function asOutage(error: unknown, folder: string): unknown {
  const code = codeOf(error);
  if (error instanceof StoreUnavailable || code === undefined) return error;
  // On a full disk, SQLite fails in its shared memory first and reports an I/O error.
  const cause = code === 'SQLITE_IOERR' && isFull(folder) ? 'SQLITE_FULL' : code;
  return new StoreUnavailable(meanings[cause] ?? inPlainWords(error), { cause: error, code: cause });
}

/** Whether an outage may pass without a change of settings: a full disk, or a database that another process locks. */
export const passes = (error: unknown): boolean =>
  error instanceof StoreUnavailable && /FULL|ENOSPC|EDQUOT|BUSY|NOMEM|EMFILE|ENFILE|ENOMEM/.test(error.code);

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error && typeof error.errcode === 'number') return outages[error.errcode & 0xff];
  return 'code' in error && typeof error.code === 'string' && errnos.has(error.code) ? error.code : undefined;
}

/** The step by which SQLite extends its shared memory. */
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
