/** Gives messages to those who wait for one. */
export type Poller<Message> = {
  /** The next message; undefined after `waitMs`, or when the signal is aborted, or a second later than that. */
  next(waitMs: number, signal: AbortSignal): Promise<Message | undefined>;
  /** Resolves when no poll is under way. */
  idle(): Promise<void>;
};

type Waiter<Message> = {
  readonly until: number;
  readonly signal: AbortSignal;
  readonly take: (message: Message | undefined) => void;
  readonly fail: (error: unknown) => void;
};

/**
 * One long poll for all who wait in a process: together they ask as often as one would alone, and SQS is paid by the
 * request. A poll is never broken off, because what SQS has handed out by then would be lost until its visibility ends:
 * that is why polls are short. `back` is given what nobody waits for any more.
 */
export function createPoller<Message>(
  poll: (atMost: number, waitSeconds: number) => Promise<readonly Message[]>,
  back: (message: Message) => Promise<void>,
): Poller<Message> {
  let waiting: Waiter<Message>[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      try {
        const messages = await poll(Math.min(10, waiting.length), 1);
        for (const message of messages) {
          const at = waiting.findIndex(({ signal }) => !signal.aborted);
          const [waiter] = at < 0 ? [] : waiting.splice(at, 1);
          if (waiter) waiter.take(message);
          else await back(message);
        }
      } catch (error) {
        const failed = waiting;
        waiting = [];
        for (const { fail } of failed) fail(error);
      }
      const now = performance.now();
      const isOver = ({ until, signal }: Waiter<Message>) => signal.aborted || until <= now;
      for (const waiter of waiting.filter(isOver)) waiter.take(undefined);
      waiting = waiting.filter((waiter) => !isOver(waiter));
    }
    // In the same breath as the look at who waits: whoever comes next begins anew.
    running = undefined;
  }

  return {
    next: (waitMs, signal) =>
      new Promise((take, fail) => {
        if (signal.aborted) return take(undefined);
        waiting.push({ until: performance.now() + waitMs, signal, take, fail });
        // Begun a moment later, so that those who come together are served together.
        running ??= Promise.resolve().then(run);
        return undefined;
      }),
    idle: async () => running,
  };
}
