/** The current latency per film. It gives Retry-After, and tells which films would miss their deadline. */
export type Latency = {
  time<Value>(work: () => Promise<Value>): Promise<Value>;
  /** The average in milliseconds, or an estimate before the first film. */
  averageMs(): number;
  /** The average plus the usual deviation, which most films do not exceed. 0 before the first film. */
  usualMs(): number;
};

const estimateMs = 500;

export function createLatency(): Latency {
  let count = 0;
  let average = estimateMs;
  let deviation = 0;
  return {
    async time(work) {
      const start = performance.now();
      try {
        return await work();
      } finally {
        const spent = performance.now() - start;
        // The mean of the first ten films, then an exponential moving average.
        const weight = Math.max(0.1, 1 / ++count);
        if (count > 1) deviation += weight * (Math.abs(spent - average) - deviation);
        average += weight * (spent - average);
      }
    },
    averageMs: () => average,
    usualMs: () => (count > 0 ? average + deviation : 0),
  };
}
