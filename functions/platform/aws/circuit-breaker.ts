import { StoreUnavailable } from '../store-unavailable.ts';

/**
 * After a store has not answered, all requests fail at once for `pauseMs`, instead of each waiting for its timeout. Then one
 * request probes the store, and the others go on failing until it has an answer.
 *
 * Not `circuitBreaker` of cockatiel (4.0.0): there the others wait for the probe, which takes up to 20 s, and its pause runs
 * by the wall clock.
 */
export function createBreaker(pauseMs: number) {
  let openUntil: number | undefined;
  let probing = false;

  return async function guard<Value>(work: () => Promise<Value>): Promise<Value> {
    const probes = openUntil !== undefined;
    if (openUntil !== undefined && (probing || performance.now() < openUntil))
      throw new StoreUnavailable('the store did not answer, and is not tried again yet');
    if (probes) probing = true;
    try {
      const value = await work();
      openUntil = undefined;
      return value;
    } catch (error) {
      // A refusal is an answer too.
      openUntil = error instanceof StoreUnavailable ? performance.now() + pauseMs : undefined;
      throw error;
    } finally {
      if (probes) probing = false;
    }
  };
}
