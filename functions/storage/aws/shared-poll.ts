/** Distributes messages to the consumers that wait for one. */
export type Poller<Message> = {
  /** The next message. Undefined up to a second after `waitMs`, or after the signal is aborted. */
  next(waitMs: number, signal: AbortSignal): Promise<Message | undefined>;
  /** Resolves when no poll is under way. */
  idle(): Promise<void>;
};

type Waiter<Message> = {
  readonly until: number;
  readonly signal: AbortSignal;
  readonly resolve: (message: Message | undefined) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * One long poll for all consumers of a process. SQS bills requests, and together they send as many as one consumer alone.
 * A poll is never aborted, because messages that SQS has handed out would be lost until their visibility ends. So polls
 * are short. `giveBack` gets each message that no consumer waits for any more.
 */
export function createPoller<Message>(
  poll: (atMost: number, waitSeconds: number) => Promise<readonly Message[]>,
  giveBack: (message: Message) => Promise<void>,
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
          if (waiter) waiter.resolve(message);
          else await giveBack(message);
        }
      } catch (error) {
        const failed = waiting;
        waiting = [];
        for (const { reject } of failed) reject(error);
      }
      const now = performance.now();
      const isOver = ({ until, signal }: Waiter<Message>) => signal.aborted || until <= now;
      for (const waiter of waiting.filter(isOver)) waiter.resolve(undefined);
      waiting = waiting.filter((waiter) => !isOver(waiter));
    }
    // Synchronous with the check above, so that the next waiter starts a new run.
    running = undefined;
  }

  return {
    next: (waitMs, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return resolve(undefined);
        waiting.push({ until: performance.now() + waitMs, signal, resolve, reject });
        // Started in a microtask, so that consumers that arrive together share a poll.
        running ??= Promise.resolve().then(run);
        return undefined;
      }),
    idle: async () => running,
  };
}
