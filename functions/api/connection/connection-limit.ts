import { readFileSync } from 'node:fs';

/** File descriptors for files, threads, models, databases and outgoing connections. */
const reserved = 128;
/** The most connections. A load balancer shares its connections among its clients, so no installation needs more. */
const most = 4096;

/**
 * The limit of open connections. A connection takes one file descriptor, and an upload takes a second one for its file. A process without
 * free descriptors can neither open its store nor load a model.
 */
export const connectionLimit = (openFiles = openFileLimit()): number =>
  Math.max(8, Math.min(most, Math.floor((openFiles - reserved) / 2)));

/** The soft limit of open files (ulimit -n), which Node raises to the hard limit at its start. */
function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft ?? Number.NaN) || usualOpenFiles;
  } catch {
    return usualOpenFiles;
  }
}
/** The lowest common limit (macOS, POSIX shells), for systems without /proc. */
const usualOpenFiles = 256;
