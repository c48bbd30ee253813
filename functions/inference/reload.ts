import { setTimeout as delay } from 'node:timers/promises';

/** Successive generations of something that serves requests, each request by one of them from beginning to end. */
export type Reloading<Generation> = {
  current(): Generation;
  /** Work with the current generation, which is not closed before the work has ended. */
  use<Value>(work: (generation: Generation) => Promise<Value>): Promise<Value>;
  /** Look for a new generation now; settles when it serves, or when there is none. */
  look(): Promise<void>;
  /** Look no more, and settle when the generations before the current one are closed. */
  stop(): Promise<void>;
};

export type ReloadingOptions<Generation> = {
  readonly first: Generation;
  /** A new generation, ready to serve; undefined while there is none. */
  readonly next: (current: Generation) => Promise<Generation | undefined>;
  /** How often to look; never of itself without it. */
  readonly everyMs?: number;
  /** Told right after the switch: requests from now on go to `current`. */
  readonly switched: (current: Generation, before: Generation) => Promise<void>;
  readonly close: (generation: Generation) => Promise<void>;
  /** A look that failed, or a close: the current generation goes on. */
  readonly failed: (error: unknown) => void;
};

/** Serve by one generation after another, with no request lost in between. */
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
  /** Generations that are replaced, and what settles when the last of their users has left. */
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
      // Not all tasks of a service at the same moment.
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
