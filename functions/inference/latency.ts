/** How long a film takes of late: what a caller is told to wait, and what is not worth beginning any more. */
export type Pace = {
  time<Value>(work: () => Promise<Value>): Promise<Value>;
  /** The average, or a guess before the first film. */
  typicalMs(): number;
  /** What most films take: the average and the usual deviation from it. Nothing is known before the first. */
  usualMs(): number;
};

const guessMs = 500;

export function createPace(): Pace {
  let count = 0;
  let average = guessMs;
  let deviation = 0;
  return {
    async time(work) {
      const start = performance.now();
      try {
        return await work();
      } finally {
        const spent = performance.now() - start;
        // The mean of the first ten; after that an old film counts less and less.
        const weight = Math.max(0.1, 1 / ++count);
        if (count > 1) deviation += weight * (Math.abs(spent - average) - deviation);
        average += weight * (spent - average);
      }
    },
    typicalMs: () => average,
    usualMs: () => (count > 0 ? average + deviation : 0),
  };
}
