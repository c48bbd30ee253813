import { setTimeout as delay } from 'node:timers/promises';
import type { Piscina } from 'piscina';
import type { Fault } from '../core/fault.ts';
import type { Result } from '../core/result.ts';

/** What a thread says of itself whenever it has tried to load its usual variants. */
export type Warmed = { readonly thread: number; readonly warmed: Result<null, Fault> };

/** Whether the threads of a pool have what they read with as a rule, those included that replace others. */
export type Warmth = {
  /** Why films of usual variants cannot be relied on; null while they can. */
  fault(): Fault | null;
  failed(fault: Fault): void;
};

export type WarmthOptions = {
  /** Have the models here again, if it is for want of them. */
  readonly regain?: (fault: Fault) => Promise<void>;
  /** Let each thread try again. */
  readonly again: () => Promise<unknown>;
  readonly closing: AbortSignal;
};

/** How soon it is tried again. A model that is here and still cannot be loaded is tried at longer and longer intervals. */
const pauseMs = 5000;
const longestPauseMs = 600_000;

/** Whether the cause is that a model is not there, or is not what it should be: that may pass. */
export const isForWant = ({ code }: Fault) => code === 'model_corrupt' || code === 'model_unavailable';

/** Hear of every thread's start, and bring back those that lack a model. */
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
