/** Whose turn it is to send a webhook, so that a receiver that is slow or does not answer keeps nothing else waiting. */
export type WebhookTurns = {
  /** Whether a webhook may go out now; whoever is let in must `leave`. */
  enter(host: string, tenant: string): Admission;
};

export type Admission =
  | { readonly kind: 'entered'; leave(came: Came): void }
  /** As many as may are on their way: a place should be free then. */
  | { readonly kind: 'full'; readonly waitMs: number }
  /** It did not answer, or asked to be left alone: so long, if that is known. */
  | { readonly kind: 'closed'; readonly waitMs: number };

/** What came of a webhook: an answer, maybe one that asks to be left alone, or none. */
export type Came = { readonly answered: true; readonly notBeforeMs?: number } | { readonly answered: false };

/** On their way at once: fewer than the worker has lanes, so that films and studies always have some. */
const mostInAll = 4;
/** To one host, and for one tenant. */
const mostOfOne = 2;
/** Without an answer in a row, until a host is left alone; then one webhook at a time tries whether it is back. */
const patience = 3;
const leftAloneMs = { first: 30_000, longest: 600_000 };
/** What is put off waits no longer than this for its turn. */
const longestTurnMs = 300_000;

type Fare = {
  inFlight: number;
  unanswered: number;
  closedUntil: number;
  /** How long a webhook takes here, as a moving average. */
  typicalMs: number;
  /** Until when those that were put off have their turns. */
  turnsUntil: number;
};

/** Counts in memory, each process for itself. `clock`: milliseconds, never going back. */
export function createWebhookTurns(clock: () => number = () => performance.now()): WebhookTurns {
  const fares = new Map<string, Fare>();
  const newFare = (): Fare => ({ inFlight: 0, unanswered: 0, closedUntil: 0, typicalMs: 1000, turnsUntil: 0 });
  const fareOf = (key: string) => {
    const known = fares.get(key) ?? newFare();
    fares.set(key, known);
    return known;
  };
  /** What nothing is known of any more that a new one would not say as well. */
  const forget = (now: number) => {
    for (const [key, { inFlight, unanswered, closedUntil, turnsUntil }] of fares)
      if (inFlight === 0 && unanswered === 0 && closedUntil <= now && turnsUntil <= now) fares.delete(key);
  };
  let inAll = 0;

  return {
    enter(host, tenant) {
      const now = clock();
      const [ofHost, ofTenant] = [fareOf(JSON.stringify(['host', host])), fareOf(JSON.stringify(['tenant', tenant]))];
      const isTried = ofHost.unanswered >= patience && ofHost.inFlight > 0;
      if (now < ofHost.closedUntil || isTried) return { kind: 'closed', waitMs: Math.max(0, ofHost.closedUntil - now) };
      const full = [ofHost, ofTenant].find(({ inFlight }) => inFlight >= mostOfOne);
      if (full || inAll >= mostInAll) {
        const { typicalMs, turnsUntil } = full ?? ofHost;
        // Each gets a turn of its own, so that a thousand of them do not all come back at once, again and again.
        const turn = Math.min(now + longestTurnMs, Math.max(now, turnsUntil) + typicalMs / mostOfOne);
        if (full) full.turnsUntil = turn;
        return { kind: 'full', waitMs: Math.ceil(turn - now) };
      }
      inAll++;
      for (const fare of [ofHost, ofTenant]) fare.inFlight++;
      return {
        kind: 'entered',
        leave(came) {
          const left = clock();
          inAll--;
          for (const fare of [ofHost, ofTenant]) {
            fare.inFlight--;
            fare.typicalMs += (left - now - fare.typicalMs) / 4;
          }
          if (came.answered) {
            ofHost.unanswered = 0;
            ofHost.closedUntil = left + (came.notBeforeMs ?? 0);
          } else {
            ofHost.unanswered++;
            const times = ofHost.unanswered - patience;
            if (times >= 0) ofHost.closedUntil = left + Math.min(leftAloneMs.longest, leftAloneMs.first * 2 ** times);
          }
          forget(left);
        },
      };
    },
  };
}
