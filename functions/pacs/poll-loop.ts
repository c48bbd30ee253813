import type { Fault } from '../core/fault.ts';
import type { Result } from '../core/result.ts';
import type { Logger } from '../platform/log.ts';

/** Poll a PACS once. Returns the milliseconds until the next poll. */
export type PollOnce = () => Promise<Result<number, Fault>>;

/** The result of the last poll. The state is `starting` until the first poll ends. */
export type PollState = 'starting' | 'watched' | 'unavailable';

export type PollLoop = {
  state(): PollState;
  /** Poll without waiting for the interval. A call during a poll starts another poll after it. */
  pollNow(): void;
  /** Stop polling. Resolves when the current poll ends. */
  close(): Promise<void>;
};

/** Poll a PACS at intervals of `everyMs`. The start and the end of an outage are logged once. */
export function startPollLoop(pollOnce: PollOnce, everyMs: number, log: Logger): PollLoop {
  let isClosing = false;
  let isPollRequested = false;
  let wake: () => void = () => undefined;
  let state: PollState = 'starting';

  async function run(): Promise<void> {
    while (!isClosing) {
      isPollRequested = false;
      const result = await attempt();
      if (!result.ok && state !== 'unavailable') log.warn({ fault: result.fault }, 'a PACS cannot be polled; retrying');
      if (result.ok && state === 'unavailable') log.info('the PACS can be polled again');
      state = result.ok ? 'watched' : 'unavailable';
      if (!isClosing && !isPollRequested) await sleep(result.ok ? result.value : everyMs);
    }
  }

  async function attempt(): Promise<Result<number, Fault>> {
    try {
      return await pollOnce();
    } catch (error) {
      // Log the stack without the message, because the message may contain data of the PACS.
      const [name, stack] = error instanceof Error ? [error.name, error.stack] : [typeof error, ''];
      const at = stack?.split('\n').filter((line) => /^\s+at /.test(line));
      log.error({ error: { name, at } }, 'unexpected error while polling a PACS');
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
    pollNow() {
      isPollRequested = true;
      wake();
    },
    async close() {
      isClosing = true;
      wake();
      await running;
    },
  };
}
