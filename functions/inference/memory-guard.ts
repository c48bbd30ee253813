import { totalmem } from 'node:os';

/** What films may leave of the memory to everything else in the machine or the container. */
const share = 0.8;

/** What this process may hold unless it is told otherwise: it follows the container's limit, or the machine's memory. */
export const usualMemoryBytes = (limit = process.constrainedMemory(), machine = totalmem()): number =>
  // Without a limit the platform says 0, or more than any machine has.
  Math.floor(share * (limit > 0 ? Math.min(limit, machine) : machine));

/** Stops work when the process holds too much while it runs. */
export type MemoryWatch = {
  /** Do some work, which `stop` ends if that can be done just then; whether it was. */
  during<Value>(stop: () => boolean, work: () => Promise<Value>): Promise<Value>;
};

/** How often memory is looked at while there is work. */
const everyMs = 25;
/** How long what has been stopped may take to give its memory back. */
const restMs = 250;

type Watched = { readonly stop: () => boolean; readonly heldBefore: number; stopped: boolean };

/**
 * Watch the memory of this process, native code and Buffers included, which the limits of a worker thread do not count.
 * When it is passed, the work that has run longest is stopped, and then, if that was not it, the next. What began when
 * the bound was passed already is not to blame, and is left alone; so is what cannot be stopped just then.
 */
export function watchMemory(maxBytes: number): MemoryWatch {
  /** In the order in which they began. */
  const running = new Set<Watched>();
  let timer: NodeJS.Timeout | undefined;
  let restUntil = 0;

  function look(): void {
    if (performance.now() < restUntil || process.memoryUsage.rss() <= maxBytes) return;
    // One at a time: its end may be enough.
    const works = [...running];
    if (works.some(({ stopped }) => stopped)) return;
    const ended = works.find(({ stop, heldBefore }) => heldBefore <= maxBytes && stop());
    if (ended) ended.stopped = true;
  }

  return {
    async during(stop, work) {
      const watched: Watched = { stop, heldBefore: process.memoryUsage.rss(), stopped: false };
      running.add(watched);
      timer ??= setInterval(look, everyMs);
      try {
        return await work();
      } finally {
        running.delete(watched);
        if (watched.stopped) restUntil = performance.now() + restMs;
        if (running.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
      }
    },
  };
}
