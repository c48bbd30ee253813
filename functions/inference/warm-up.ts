import { setTimeout as delay } from 'node:timers/promises';
import type { Piscina } from 'piscina';
import type { Fault } from '../core/fault.ts';
import type { Result } from '../core/result.ts';

/** The message of a thread after it has tried to load its usual variants. */
export type Warmed = { readonly thread: number; readonly warmed: Result<null, Fault> };

/** Whether the threads of a pool have their usual variants, replacement threads included. */
export type WarmUp = {
  /** Why the usual variants are not loaded; null if they are. */
  fault(): Fault | null;
  failed(fault: Fault): void;
};

export type WarmUpOptions = {
  /** Download missing or corrupt models again. */
  readonly downloadAgain?: (fault: Fault) => Promise<void>;
  /** Make each thread try again. */
  readonly warmAll: () => Promise<unknown>;
  readonly closing: AbortSignal;
};

/** The pause before the next try. It doubles for a model that is present and cannot be loaded. */
const pauseMs = 5000;
const longestPauseMs = 600_000;

/** Whether a model is missing or corrupt. Such a fault may pass. */
export const isModelMissing = ({ code }: Fault) => code === 'model_corrupt' || code === 'model_unavailable';

/** Listen to the start of every thread, and make threads that lack a model try again. */
export function watchWarmUp(pool: Piscina, { downloadAgain, warmAll, closing }: WarmUpOptions): WarmUp {
  const reports = new Map<number, Result<null, Fault>>();
  let startFault: Fault | null = null;
  let isRetrying = false;

  function coldFault(): Fault | null {
    const running = new Set(pool.threads.map(({ threadId }) => threadId));
    for (const [thread, warmed] of reports) {
      if (!running.has(thread)) reports.delete(thread);
      else if (!warmed.ok) return warmed.fault;
    }
    return null;
  }

  async function retry(): Promise<void> {
    if (isRetrying) return;
    isRetrying = true;
    let wait = pauseMs;
    for (let fault = coldFault(); fault; fault = coldFault()) {
      await downloadAgain?.(fault);
      if (closing.aborted) return;
      await warmAll();
      if (!coldFault()) break;
      await delay(wait, undefined, { signal: closing, ref: false }).catch(() => undefined);
      if (!isModelMissing(fault)) wait = Math.min(2 * wait, longestPauseMs);
    }
    isRetrying = false;
  }

  pool.on('message', ({ thread, warmed }: Warmed) => {
    reports.set(thread, warmed);
    if (warmed.ok) startFault = null;
    else void retry();
  });
  return {
    fault: () => coldFault() ?? startFault,
    failed(fault) {
      startFault = fault;
    },
  };
}
