import { readFileSync } from 'node:fs';

/** What files, threads, models, databases and connections to others need beside the clients of this service. */
const reserved = 128;
/** No installation needs more clients at once: a load balancer shares its connections among its clients. */
const most = 4096;

/**
 * How many connections may be open. A connection takes a file descriptor, and an upload takes a second one for its file; a process
 * without free descriptors can neither open its store nor load a model.
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
/** The lowest usual limit (macOS, POSIX shells): for systems that have no /proc. */
const usualOpenFiles = 256;
