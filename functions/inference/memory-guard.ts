import { totalmem } from 'node:os';

/** The share of the memory that films may use. The rest is for everything else in the machine or container. */
const share = 0.8;

/** The default memory limit of this process in bytes, from the limit of the container or the memory of the machine. */
export const usualMemoryBytes = (limit = process.constrainedMemory(), machine = totalmem()): number =>
  // Without a limit the system reports 0, or more than any machine has.
  Math.floor(share * (limit > 0 ? Math.min(limit, machine) : machine));

/** Stops work when the process exceeds its memory limit. */
export type MemoryWatch = {
  /** Run `work`. `stop` ends it if that is safe, and returns whether it did. */
  during<Value>(stop: () => boolean, work: () => Promise<Value>): Promise<Value>;
};

/** The interval between checks while work runs. */
const intervalMs = 25;
/** The time that stopped work may take to free its memory. */
const restMs = 250;

type Work = { readonly stop: () => boolean; readonly rssBefore: number; stopped: boolean };

/**
 * Watch the resident memory of this process. It includes native code and Buffers, which the limits of a worker thread do not count. At
 * the limit the work that has run longest is stopped; if that does not help, the next. Work that started above the limit, as known up to
 * one interval before, is not the cause and is left alone, as is work that cannot be stopped safely.
 */
export function watchMemory(maxBytes: number): MemoryWatch {
  /** Running work, in the order of its start. */
  const running = new Set<Work>();
  let timer: NodeJS.Timeout | undefined;
  let restUntil = 0;
  let latest = { bytes: 0, at: Number.NEGATIVE_INFINITY };

  /** The resident memory in bytes, at most one interval old: the kernel adds up all threads for it, which takes 0.2 ms. */
  function resident(): number {
    const now = performance.now();
    if (now - latest.at >= intervalMs) latest = { bytes: process.memoryUsage.rss(), at: now };
    return latest.bytes;
  }

  function check(): void {
    if (performance.now() < restUntil || resident() <= maxBytes) return;
    // Stop one at a time: its end may free enough memory.
    const works = [...running];
    if (works.some(({ stopped }) => stopped)) return;
    const ended = works.find(({ stop, rssBefore }) => rssBefore <= maxBytes && stop());
    if (ended) ended.stopped = true;
  }

  return {
    async during(stop, work) {
      const entry: Work = { stop, rssBefore: resident(), stopped: false };
      running.add(entry);
      timer ??= setInterval(check, intervalMs);
      try {
        return await work();
      } finally {
        running.delete(entry);
        if (entry.stopped) restUntil = performance.now() + restMs;
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      }
    },
  };
}
