import type { Fault } from '../core/fault.ts';
import { fail, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';

/** The bytes that one unit of work has reserved. All of them are released when the work ends. */
export type Lease = {
  /** Reserve more bytes. False if they do not fit; then nothing more is reserved. */
  grow(bytes: number): boolean;
  /** Release some of the reserved bytes, at most all of them. */
  shrink(bytes: number): void;
  /**
   * Release all reserved bytes now, before the work ends. A refused request that holds few bytes calls it: of several requests in the
   * same tick, the refused ones thus free memory for the last one, and not all are refused.
   */
  release(): void;
};

type Work<Value> = (lease: Lease) => Promise<Result<Value, Fault>>;

/**
 * Limits the bytes of films in this process, of all requests and jobs together. A request that does not fit is refused,
 * because its client can retry. A job waits instead. All jobs together get at most half of the budget. The requests of one
 * tenant get at most three times the bytes that remain free. So neither blocks the others. Work that exceeds these limits
 * is admitted when nothing else is reserved.
 */
export type Budget = {
  readonly bytes: number;
  inUse(): number;
  /** Do the work of a tenant's request at once. `queue_full` if the bytes do not fit. */
  runNow<Value>(tenant: string, bytes: number, work: Work<Value>): Promise<Result<Value, Fault>>;
  /** Whether a tenant's request for these bytes would fit now. Nothing is reserved. */
  hasRoom(tenant: string, bytes: number): boolean;
  /** Do the work as soon as the bytes fit, in the order of the calls. `shutting_down` if the signal is aborted first. */
  runInTurn<Value>(bytes: number, signal: AbortSignal, work: Work<Value>): Promise<Result<Value, Fault>>;
  /** The fault of a refused request. `retryAfterMs` is the recent average duration of a reservation. */
  queueFull(): Fault;
};

/** The requests of one tenant may reserve this many times the bytes that remain free: three quarters, if no other tenant has any. */
const maxTenantRatio = 3;

export function createBudget(bytes: number): Budget {
  let inUse = 0;
  let jobBytes = 0;
  const tenantBytes = new Map<string, number>();
  let heldMs = 1000;
  const waiting: { readonly bytes: number; readonly begin: () => void }[] = [];

  /** Whether more bytes fit beside `own`, which the same work has reserved. A job has no tenant. */
  function fits(wanted: number, own = 0, tenant?: string): boolean {
    if (inUse <= own) return true;
    const free = bytes - inUse - wanted;
    if (free < 0) return false;
    return tenant === undefined || (tenantBytes.get(tenant) ?? 0) + wanted <= maxTenantRatio * free;
  }

  function reserve(wanted: number, tenant?: string): void {
    inUse += wanted;
    if (tenant === undefined) jobBytes += wanted;
    else tenantBytes.set(tenant, (tenantBytes.get(tenant) ?? 0) + wanted);
  }

  function reserveForJob(wanted: number): boolean {
    if ((jobBytes > 0 && jobBytes + wanted > bytes / 2) || !fits(wanted)) return false;
    reserve(wanted);
    return true;
  }

  function release(taken: number, tenant?: string): void {
    reserve(-taken, tenant);
    if (tenant !== undefined && tenantBytes.get(tenant) === 0) tenantBytes.delete(tenant);
    for (let [next] = waiting; next && reserveForJob(next.bytes); [next] = waiting) {
      waiting.shift();
      next.begin();
    }
  }

  /** Do work whose bytes are reserved already, and release all of them at its end. */
  async function runReserved<Value>(taken: number, work: Work<Value>, tenant?: string): Promise<Result<Value, Fault>> {
    const start = performance.now();
    let own = taken;
    try {
      return await work({
        grow(wanted) {
          if (!fits(wanted, own, tenant)) return false;
          reserve(wanted, tenant);
          own += wanted;
          return true;
        },
        shrink(bytes) {
          // After `release`, fewer bytes are reserved than the work counts.
          const released = Math.min(bytes, own);
          own -= released;
          release(released, tenant);
        },
        release() {
          release(own, tenant);
          own = 0;
        },
      });
    } finally {
      heldMs += 0.1 * (performance.now() - start - heldMs);
      release(own, tenant);
    }
  }

  const queueFull = (): Fault => ({ code: 'queue_full', retryAfterMs: ms(Math.ceil(heldMs)) });
  return {
    bytes,
    inUse: () => inUse,
    queueFull,
    hasRoom: (tenant, wanted) => fits(wanted, 0, tenant),
    async runNow(tenant, wanted, work) {
      if (!fits(wanted, 0, tenant)) return fail(queueFull());
      reserve(wanted, tenant);
      return runReserved(wanted, work, tenant);
    },
    async runInTurn(wanted, signal, work) {
      if (waiting.length > 0 || !reserveForJob(wanted)) {
        const { promise, resolve } = Promise.withResolvers<boolean>();
        const turn = { bytes: wanted, begin: () => resolve(true) };
        const leave = () => {
          const at = waiting.indexOf(turn);
          if (at < 0) return;
          waiting.splice(at, 1);
          resolve(false);
          // The next in line may fit.
          release(0);
        };
        waiting.push(turn);
        signal.addEventListener('abort', leave);
        if (signal.aborted) leave();
        const granted = await promise;
        signal.removeEventListener('abort', leave);
        if (!granted) return fail({ code: 'shutting_down', retryAfterMs: ms(1000) });
      }
      return runReserved(wanted, work);
    },
  };
}
