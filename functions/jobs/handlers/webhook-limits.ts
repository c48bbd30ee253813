/** Decides when a webhook may be sent, so that a receiver that is slow or does not answer delays no other receiver. */
export type WebhookLimits = {
  /** Whether a webhook may be sent now. An admitted caller must call `release`. */
  admit(origin: string, tenant: string): Admission;
};

export type Admission =
  | { readonly kind: 'admitted'; release(result: WebhookResult): void }
  /** The allowed number is in flight. A place should be free after `waitMs`, a whole number. */
  | { readonly kind: 'full'; readonly waitMs: number }
  /** The receiver did not answer, or asked for a pause of `waitMs`, a whole number. */
  | { readonly kind: 'closed'; readonly waitMs: number };

/** The result of a webhook: an answer, which may ask for a pause, or none. */
export type WebhookResult = { readonly answered: true; readonly notBeforeMs?: number } | { readonly answered: false };

/** A receiver whose last answer took no longer than this is prompt. */
const promptMs = 2000;
/**
 * Webhooks in flight. Prompt receivers have places of their own, so they never wait for one that is slow, does not answer
 * or is not known yet. `receiver` is one origin of one tenant.
 */
const limits = { prompt: { inAll: 4, tenant: 2, receiver: 2 }, other: { inAll: 4, tenant: 2, receiver: 1 } };
type Pool = keyof typeof limits;
/** The most webhooks in flight per process. The runner needs more lanes than this, so that films are not delayed. */
export const maxWebhooks = limits.prompt.inAll + limits.other.inAll;
/** Webhooks without an answer in a row until a receiver is paused. After the pause, one webhook at a time is sent to it. */
const unansweredLimit = 3;
const pausedMs = { first: 30_000, longest: 60_000 };
/** A webhook waits no longer than this for its turn. */
const longestTurnMs = 300_000;

type Receiver = {
  inFlight: number;
  prompt: boolean;
  unanswered: number;
  closedUntil: number;
  /** Moving average of the time that a webhook takes. */
  typicalMs: number;
  /** Until when waiting webhooks have their turns. */
  turnsUntil: number;
};

/**
 * Counts in memory, per process. It holds one entry per receiver, and the operator allows every host first, so the memory
 * is bounded. `clock`: milliseconds, monotonic.
 */
export function createWebhookLimits(clock: () => number = () => performance.now()): WebhookLimits {
  const receivers = new Map<string, Receiver>();
  const receiverOf = (key: string) => {
    const known = receivers.get(key);
    if (known) return known;
    const made: Receiver = {
      inFlight: 0,
      prompt: false,
      unanswered: 0,
      closedUntil: 0,
      typicalMs: 1000,
      turnsUntil: 0,
    };
    receivers.set(key, made);
    return made;
  };
  const inAll: Record<Pool, number> = { prompt: 0, other: 0 };
  const ofTenants: Record<Pool, Map<string, number>> = { prompt: new Map(), other: new Map() };
  const count = (pool: Pool, tenant: string, step: 1 | -1) => {
    const left = (ofTenants[pool].get(tenant) ?? 0) + step;
    if (left === 0) ofTenants[pool].delete(tenant);
    else ofTenants[pool].set(tenant, left);
    inAll[pool] += step;
  };

  return {
    admit(origin, tenant) {
      const now = clock();
      const receiver = receiverOf(JSON.stringify([tenant, origin]));
      const isProbed = receiver.unanswered >= unansweredLimit && receiver.inFlight > 0;
      if (now < receiver.closedUntil || isProbed)
        return { kind: 'closed', waitMs: Math.max(0, Math.ceil(receiver.closedUntil - now)) };
      const pool: Pool = receiver.prompt ? 'prompt' : 'other';
      const limit = limits[pool];
      if (
        receiver.inFlight >= limit.receiver ||
        (ofTenants[pool].get(tenant) ?? 0) >= limit.tenant ||
        inAll[pool] >= limit.inAll
      ) {
        // Each webhook gets a turn of its own, so that a thousand of them do not all return at once, again and again.
        const turn = Math.min(
          now + longestTurnMs,
          Math.max(now, receiver.turnsUntil) + receiver.typicalMs / limit.receiver,
        );
        receiver.turnsUntil = turn;
        return { kind: 'full', waitMs: Math.ceil(turn - now) };
      }
      count(pool, tenant, 1);
      receiver.inFlight++;
      return {
        kind: 'admitted',
        release(result) {
          const end = clock();
          count(pool, tenant, -1);
          receiver.inFlight--;
          receiver.typicalMs += (end - now - receiver.typicalMs) / 4;
          receiver.prompt = result.answered && end - now <= promptMs;
          if (result.answered) {
            receiver.unanswered = 0;
            receiver.closedUntil = end + (result.notBeforeMs ?? 0);
          } else {
            receiver.unanswered++;
            const times = receiver.unanswered - unansweredLimit;
            if (times >= 0) receiver.closedUntil = end + Math.min(pausedMs.longest, pausedMs.first * 2 ** times);
          }
        },
      };
    },
  };
}
