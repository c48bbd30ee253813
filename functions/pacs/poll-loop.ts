import type { Fault } from '../core/fault.ts';
import type { Result } from '../core/result.ts';
import type { Logger } from '../platform/log.ts';

/** One look at a PACS: the milliseconds until the next one. */
export type PollOnce = () => Promise<Result<number, Fault>>;

/** `starting` until the first look has ended. */
export type WatchState = 'starting' | 'watched' | 'unavailable';

export type Watch = {
  state(): WatchState;
  /** Poll once; a nudge that comes during a look is followed by another one. */
  nudge(): void;
  /** Resolves when the look that is going on has ended. */
  close(): Promise<void>;
};

/** Poll a PACS at intervals of `everyMs`. The start and the end of an outage are logged once. */
export function watch(look: PollOnce, everyMs: number, log: Logger): Watch {
  let closing = false;
  let nudged = false;
  let wake: () => void = () => undefined;
  let state: WatchState = 'starting';

  async function run(): Promise<void> {
    while (!closing) {
      nudged = false;
      const result = await attempt();
      if (!result.ok && state !== 'unavailable')
        log.warn({ fault: result.fault }, 'a PACS cannot be watched; it is tried again');
      if (result.ok && state === 'unavailable') log.info('the PACS is watched again');
      state = result.ok ? 'watched' : 'unavailable';
      if (!closing && !nudged) await sleep(result.ok ? result.value : everyMs);
    }
  }

  async function attempt(): Promise<Result<number, Fault>> {
    try {
      return await look();
    } catch (error) {
      // Where it came from, not its message, which may quote what a PACS sent.
      const [name, stack] = error instanceof Error ? [error.name, error.stack] : [typeof error, ''];
      const at = stack?.split('\n').filter((line) => /^\s+at /.test(line));
      log.error({ error: { name, at } }, 'a look at a PACS failed');
      return { ok: false, fault: { code: 'internal' } };
    }
  }

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const running = run();
  return {
    state: () => state,
    nudge() {
      nudged = true;
      wake();
    },
    async close() {
      closing = true;
      wake();
      await running;
    },
  };
}
