import type { Fault } from '../core/fault.ts';
import { fail, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';

/** What a piece of work has taken of the budget; all of it comes back when the work ends. */
export type Lease = {
  /** Take so many bytes more; false where there is no room for them, and none were taken. */
  more(bytes: number): boolean;
  less(bytes: number): void;
};

type Work<Value> = (lease: Lease) => Promise<Result<Value, Fault>>;

/**
 * How many bytes of films may be in this process at the same time, of all requests and jobs together. A request for which there
 * is no room is refused, because its client can come again; a job waits for its turn. Neither jobs nor one tenant can shut the others
 * out: jobs together take no more than half, and a tenant's requests no more than three times what they leave free. What is larger
 * than that is let in alone.
 */
export type Budget = {
  readonly bytes: number;
  inUse(): number;
  /** Do the work of a tenant's request now; `queue_full` where there is no room. */
  now<Value>(tenant: string, bytes: number, work: Work<Value>): Promise<Result<Value, Fault>>;
  /** Whether a tenant's request for so many bytes would find room now. Nothing is reserved. */
  hasRoom(tenant: string, bytes: number): boolean;
  /** Do the work once there is room, in the order of asking; `shutting_down` where the signal comes first. */
  inTurn<Value>(bytes: number, signal: AbortSignal, work: Work<Value>): Promise<Result<Value, Fault>>;
  /** Why there is no room, and when to come again: after as long as bytes were held lately. */
  full(): Fault;
};

/** How many times what stays free the requests of one tenant may take: three quarters, where it is the only one. */
const tenantShare = 3;

export function createBudget(bytes: number): Budget {
  let inUse = 0;
  let ofJobs = 0;
  const ofTenants = new Map<string, number>();
  let heldMs = 1000;
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  /** Whether there is room for more bytes beside `own`, which the same work has already. No tenant: a job. */
  function fits(wanted: number, own = 0, tenant?: string): boolean {
    if (inUse <= own) return true;
    const free = bytes - inUse - wanted;
    if (free < 0) return false;
    return tenant === undefined || (ofTenants.get(tenant) ?? 0) + wanted <= tenantShare * free;
  }

  function take(wanted: number, tenant?: string): void {
    inUse += wanted;
    if (tenant === undefined) ofJobs += wanted;
    else ofTenants.set(tenant, (ofTenants.get(tenant) ?? 0) + wanted);
  }

  function takeTurn(wanted: number): boolean {
    if ((ofJobs > 0 && ofJobs + wanted > bytes / 2) || !fits(wanted)) return false;
    take(wanted);
    return true;
  }

  function giveBack(taken: number, tenant?: string): void {
    take(-taken, tenant);
    if (tenant !== undefined && ofTenants.get(tenant) === 0) ofTenants.delete(tenant);
    for (let [next] = waiting; next && takeTurn(next.bytes); [next] = waiting) {
      waiting.shift();
      next.begin();
    }
  }

  /** Do work whose bytes are taken already, and give back all that it has at its end. */
  async function hold<Value>(taken: number, work: Work<Value>, tenant?: string): Promise<Result<Value, Fault>> {
    const start = performance.now();
    let own = taken;
    try {
      return await work({
        more(wanted) {
          if (!fits(wanted, own, tenant)) return false;
          take(wanted, tenant);
          own += wanted;
          return true;
        },
        less(left) {
          own -= left;
          giveBack(left, tenant);
        },
      });
    } finally {
      heldMs += 0.1 * (performance.now() - start - heldMs);
      giveBack(own, tenant);
    }
  }

  const full = (): Fault => ({ code: 'queue_full', retryAfterMs: ms(Math.ceil(heldMs)) });
  return {
    bytes,
    inUse: () => inUse,
    full,
    hasRoom: (tenant, wanted) => fits(wanted, 0, tenant),
    async now(tenant, wanted, work) {
      if (!fits(wanted, 0, tenant)) return fail(full());
      take(wanted, tenant);
      return hold(wanted, work, tenant);
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
          giveBack(0);
        };
        waiting.push(turn);
        signal.addEventListener('abort', leave);
        if (signal.aborted) leave();
        const granted = await promise;
        signal.removeEventListener('abort', leave);
        if (!granted) return fail({ code: 'shutting_down', retryAfterMs: ms(1000) });
      }
      return hold(wanted, work);
    },
  };
}
