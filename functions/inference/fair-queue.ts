export type Turn = {
  /** Films with a higher priority start first. */
  readonly priority: number;
  /** Call when the film starts, or when it is abandoned before that. */
  end(how: 'started' | 'abandoned'): void;
};

/**
 * The order in which films of several tenants start: one film per tenant in turn, and the films of one tenant in the order of their
 * arrival (start-time fair queueing).
 */
export function createFairQueue() {
  let round = 0;
  /** The rounds of the waiting films, by tenant. */
  const waiting = new Map<string, number[]>();

  return {
    next(tenant: string): Turn {
      const own = waiting.get(tenant) ?? [];
      const turn = Math.max(round, own.at(-1) ?? 0) + 1;
      own.push(turn);
      waiting.set(tenant, own);
      return {
        priority: -turn,
        end(how) {
          const at = own.indexOf(turn);
          if (at < 0) return;
          own.splice(at, 1);
          if (own.length === 0 && waiting.get(tenant) === own) waiting.delete(tenant);
          if (how === 'started') round = Math.max(round, turn);
        },
      };
    },
    /** Whether a tenant may take one of `places` more places: its share is equal to that of other waiting tenants. */
    hasShare(tenant: string, places: number): boolean {
      const own = waiting.get(tenant);
      return (own?.length ?? 0) * (waiting.size + (own ? 0 : 1)) >= places;
    },
  };
}
