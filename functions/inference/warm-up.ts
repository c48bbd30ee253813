import { setTimeout as delay } from 'node:timers/promises';
import type { Piscina } from 'piscina';
import type { Fault } from '../core/fault.ts';
import type { Result } from '../core/result.ts';

/** The message of a thread after it has tried to load its usual variants. */
export type Warmed = { readonly thread: number; readonly warmed: Result<null, Fault> };

/** Whether the threads of a pool have their usual variants, replacement threads included. */
export type Warmth = {
  /** Why the usual variants are not loaded; null if they are. */
  fault(): Fault | null;
  failed(fault: Fault): void;
};

export type WarmthOptions = {
  /** Download missing or corrupt models again. */
  readonly regain?: (fault: Fault) => Promise<void>;
  /** Make each thread try again. */
  readonly again: () => Promise<unknown>;
  readonly closing: AbortSignal;
};

/** The pause before the next try. It doubles for a model that is present and cannot be loaded. */
const pauseMs = 5000;
const longestPauseMs = 600_000;

/** Whether a model is missing or corrupt. Such a fault may pass. */
export const isForWant = ({ code }: Fault) => code === 'model_corrupt' || code === 'model_unavailable';

/** Listen to the start of every thread, and make threads that lack a model try again. */
export function watchWarmth(pool: Piscina, { regain, again, closing }: WarmthOptions): Warmth {
  const told = new Map<number, Result<null, Fault>>();
  let stopped: Fault | null = null;
  let isHealing = false;

  function cold(): Fault | null {
    const living = new Set(pool.threads.map(({ threadId }) => threadId));
    for (const [thread, warmed] of told) {
      if (!living.has(thread)) told.delete(thread);
      else if (!warmed.ok) return warmed.fault;
    }
    return null;
  }

  async function heal(): Promise<void> {
    if (isHealing) return;
    isHealing = true;
    let wait = pauseMs;
    for (let fault = cold(); fault; fault = cold()) {
      await regain?.(fault);
      if (closing.aborted) return;
      await again();
      if (!cold()) break;
      await delay(wait, undefined, { signal: closing, ref: false }).catch(() => undefined);
      if (!isForWant(fault)) wait = Math.min(2 * wait, longestPauseMs);
    }
    isHealing = false;
  }

  pool.on('message', ({ thread, warmed }: Warmed) => {
    told.set(thread, warmed);
    if (warmed.ok) stopped = null;
    else void heal();
  });
  return {
    fault: () => cold() ?? stopped,
    failed(fault) {
      stopped = fault;
    },
  };
}
