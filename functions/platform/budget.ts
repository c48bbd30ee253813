import type { Fault } from '../pipeline/fault.ts';
import { fail, type Result } from '../pipeline/result.ts';
import { ms } from '../pipeline/units.ts';

/** What a piece of work has taken of the budget; all of it comes back when the work ends. */
export type Lease = {
  /** Take so many bytes more; false where there is no room for them, and none were taken. */
  more(bytes: number): boolean;
  less(bytes: number): void;
};

type Work<Value> = (lease: Lease) => Promise<Result<Value, Fault>>;

/**
 * How many bytes of films may be in this process at the same time, of all requests and jobs together. Work for which
 * there is no room is refused where somebody waits for its answer and can come again, and takes its turn where it is a
 * job. Jobs together take no more than half, so that a thousand studies of a PACS shut nobody out. What is larger than
 * that is let in alone.
 */
export type Budget = {
  readonly bytes: number;
  inUse(): number;
  /** Do the work now; `queue_full` where there is no room. */
  now<Value>(bytes: number, work: Work<Value>): Promise<Result<Value, Fault>>;
  /** Do the work once there is room, in the order of asking; `shutting_down` where the signal comes first. */
  inTurn<Value>(bytes: number, signal: AbortSignal, work: Work<Value>): Promise<Result<Value, Fault>>;
  /** Why there is no room, and when to come again: after as long as bytes were held lately. */
  full(): Fault;
};

export function createBudget(bytes: number): Budget {
  let inUse = 0;
  let ofJobs = 0;
  let heldMs = 1000;
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  /** Take bytes beside `own`, which the same work has already. */
  function take(wanted: number, own = 0): boolean {
    if (inUse > own && inUse + wanted > bytes) return false;
    inUse += wanted;
    return true;
  }

  function takeTurn(wanted: number): boolean {
    if ((ofJobs > 0 && ofJobs + wanted > bytes / 2) || !take(wanted)) return false;
    ofJobs += wanted;
    return true;
  }

  function giveBack(taken: number, isJob: boolean): void {
    inUse -= taken;
    if (isJob) ofJobs -= taken;
    for (let [next] = waiting; next && takeTurn(next.bytes); [next] = waiting) {
      waiting.shift();
      next.begin();
    }
  }

  async function hold<Value>(taken: number, isJob: boolean, work: Work<Value>): Promise<Result<Value, Fault>> {
    const start = performance.now();
    let own = taken;
    try {
      return await work({
        more(wanted) {
          const taken = take(wanted, own);
          if (!taken) return false;
          own += wanted;
          if (isJob) ofJobs += wanted;
          return true;
        },
        less(left) {
          own -= left;
          giveBack(left, isJob);
        },
      });
    } finally {
      heldMs += 0.1 * (performance.now() - start - heldMs);
      giveBack(own, isJob);
    }
  }

  const full = (): Fault => ({ code: 'queue_full', retryAfterMs: ms(Math.ceil(heldMs)) });
  return {
    bytes,
    inUse: () => inUse,
    full,
    async now(wanted, work) {
      return take(wanted) ? hold(wanted, false, work) : fail(full());
    },
    async inTurn(wanted, signal, work) {
      if (waiting.length > 0 || !takeTurn(wanted)) {
        const { promise, resolve } = Promise.withResolvers<boolean>();
        const turn = { bytes: wanted, begin: () => resolve(true) };
        const leave = () => {
          const at = waiting.indexOf(turn);
          if (at < 0) return;
          waiting.splice(at, 1);
          resolve(false);
          // Whoever stood behind it may fit.
          giveBack(0, true);
        };
        waiting.push(turn);
        signal.addEventListener('abort', leave);
        if (signal.aborted) leave();
        const granted = await promise;
        signal.removeEventListener('abort', leave);
        if (!granted) return fail({ code: 'shutting_down', retryAfterMs: ms(1000) });
      }
      return hold(wanted, true, work);
    },
  };
}
