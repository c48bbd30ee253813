/** The answer to one request of the load generator. */
export type Answer = {
  readonly ok: boolean;
  /** From the planned arrival, so that a late start counts too. */
  readonly ms: number;
  /** Whether it came before the end of the load. */
  readonly inWindow: boolean;
};

/** The percentile by nearest rank: the least value that at least this share of the values do not exceed. NaN without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** A generator of numbers in [0, 1) with a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Arrival times in ms of a Poisson process: gaps are independent and exponentially distributed. One seed gives one list. */
export function poissonArrivals(perSecond: number, seconds: number, seed: number): number[] {
  const next = random(seed);
  const gap = () => (-Math.log(1 - next()) / perSecond) * 1000;
  const arrivals = [];
  for (let at = gap(); at < seconds * 1000; at += gap()) arrivals.push(at);
  return arrivals;
}

/** What one measurement gives. Only good answers count as films, and their latencies are the ones that are ranked. */
export function summarise(answers: readonly Answer[], seconds: number, deadlineMs: number, cpuMs: number) {
  const good = answers.filter(({ ok }) => ok);
  const ended = good.filter(({ inWindow }) => inWindow);
  const latencies = good.map(({ ms }) => ms);
  return {
    requests: answers.length,
    failed: answers.length - good.length,
    filmsPerSecond: ended.length / seconds,
    goodputPerSecond: ended.filter(({ ms }) => ms <= deadlineMs).length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p95Ms: percentile(latencies, 0.95),
    p99Ms: percentile(latencies, 0.99),
    /** Of the good answers, the ones after the end of the window included: their processor time counts too. */
    cpuMsPerFilm: good.length > 0 ? cpuMs / good.length : Number.NaN,
  };
}
export type Summary = ReturnType<typeof summarise>;
