import { setTimeout as delay } from 'node:timers/promises';

/** Successive generations of a server. Each request is served by one generation from beginning to end. */
export type Reloading<Generation> = {
  current(): Generation;
  /** Run work on the current generation, which is not closed before the work has ended. */
  use<Value>(work: (generation: Generation) => Promise<Value>): Promise<Value>;
  /** Poll for a new generation now. Resolves when it serves, or when there is none. */
  look(): Promise<void>;
  /** Stop polling. Resolves when all earlier generations are closed. */
  stop(): Promise<void>;
};

export type ReloadingOptions<Generation> = {
  readonly first: Generation;
  /** The next generation, ready to serve; undefined if there is none. */
  readonly next: (current: Generation) => Promise<Generation | undefined>;
  /** The polling interval. Absent: only `look` polls. */
  readonly everyMs?: number;
  /** Called right after the switch. From now on requests go to `current`. */
  readonly switched: (current: Generation, before: Generation) => Promise<void>;
  readonly close: (generation: Generation) => Promise<void>;
  /** Receives the error of a failed poll or close. The current generation continues. */
  readonly failed: (error: unknown) => void;
};

/** Replace one generation by the next without losing a request. */
export function createReloading<Generation extends object>({
  first,
  next,
  everyMs,
  switched,
  close,
  failed,
}: ReloadingOptions<Generation>): Reloading<Generation> {
  let current = first;
  const users = new Map<Generation, number>();
  /** Replaced generations, with a function to call when their last user has left. */
  const leaving = new Map<Generation, () => void>();
  const closing = new Set<Promise<void>>();
  const stopped = new AbortController();
  let looking: Promise<void> | undefined;

  async function replace(): Promise<void> {
    try {
      const found = await next(current);
      if (!found) return;
      if (stopped.signal.aborted) return await close(found);
      const before = current;
      current = found;
      const left = new Promise<void>((resolve) => {
        if (users.has(before)) leaving.set(before, resolve);
        else resolve();
      });
      const closed = left.then(() => close(before)).catch(failed);
      closing.add(closed);
      void closed.finally(() => closing.delete(closed));
      await switched(found, before);
    } catch (error) {
      failed(error);
    }
  }

  const look = () => {
    looking ??= replace().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  async function watch(everyMs: number): Promise<void> {
    while (!stopped.signal.aborted) {
      // Jitter, so that the tasks of a service do not poll at the same moment.
      const pause = everyMs * (0.8 + 0.4 * Math.random());
      await delay(pause, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      if (!stopped.signal.aborted) await look();
    }
  }
  if (everyMs !== undefined) void watch(everyMs);

  return {
    current: () => current,
    async use(work) {
      const generation = current;
      users.set(generation, (users.get(generation) ?? 0) + 1);
      try {
        return await work(generation);
      } finally {
        const left = (users.get(generation) ?? 1) - 1;
        if (left > 0) users.set(generation, left);
        else {
          users.delete(generation);
          leaving.get(generation)?.();
          leaving.delete(generation);
        }
      }
    },
    look,
    async stop() {
      stopped.abort();
      await looking;
      await Promise.all(closing);
    },
  };
}
