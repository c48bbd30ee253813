import { StoreUnavailable } from '../store-unavailable.ts';

/**
 * Once a store has not answered, it is left in peace for `pauseMs`: what is asked meanwhile fails at once, instead of
 * waiting in turn for what does not come. Then one request finds out, and the others go on failing until it has.
 */
export function createBreaker(pauseMs: number) {
  let until: number | undefined;
  let probing = false;

  return async function guard<Value>(work: () => Promise<Value>): Promise<Value> {
    const probes = until !== undefined;
    if (until !== undefined && (probing || performance.now() < until))
      throw new StoreUnavailable('it did not answer a moment ago, and is not asked again yet');
    if (probes) probing = true;
    try {
      const value = await work();
      until = undefined;
      return value;
    } catch (error) {
      // What is refused was answered as well.
      until = error instanceof StoreUnavailable ? performance.now() + pauseMs : undefined;
      throw error;
    } finally {
      if (probes) probing = false;
    }
  };
}
