import type { Fault } from '../../core/fault.ts';
import { ms } from '../../core/units.ts';

/** What a request counts against: `films` if it sends films to be read, else `requests`, as the polling of a job does. */
export type Policy = 'films' | 'requests';

/** The number of films and of other requests per key and minute. Undefined: no limit. */
export type RateLimits = { readonly [Name in Policy]?: number | undefined };

/** Counts films and requests per caller. Restarted with the process, and not shared with other processes. */
export type RateLimiter = {
  /** The fault if the caller has nothing left. */
  check(policy: Policy, caller: string): Fault | undefined;
  /** Count films or requests. A negative number gives them back. More than what is left delays the next request. */
  count(policy: Policy, caller: string, units: number): void;
  /** The fields of an answer, by draft-ietf-httpapi-ratelimit-headers-10. */
  fields(policy: Policy, caller: string): Record<string, string>;
};

const windowMs = 60_000;
/** The tolerance for sums of fractions. */
const epsilon = 1e-5;

/**
 * A token bucket per policy and caller: it holds one minute's units and refills evenly. So a caller may send a minute's units at once,
 * and a caller that keeps to the policy in every minute is never refused.
 */
export function createRateLimiter(limits: RateLimits, now = () => performance.now()): RateLimiter | undefined {
  const buckets = new Map<Policy, { readonly units: number; readonly fullAt: Map<string, number> }>();
  for (const policy of ['films', 'requests'] as const) {
    const units = limits[policy];
    if (units !== undefined) buckets.set(policy, { units, fullAt: new Map() });
  }
  if (buckets.size === 0) return undefined;
  const policies = [...buckets].map(([name, { units }]) => `"${name}";q=${units};w=${windowMs / 1000}`).join(', ');

  /** What is left of a policy, and the time until more is available; undefined if the policy has no limit. */
  function state(policy: Policy, caller: string) {
    const bucket = buckets.get(policy);
    if (!bucket) return undefined;
    const { units, fullAt } = bucket;
    const unitMs = windowMs / units;
    const left = units - Math.max(0, (fullAt.get(caller) ?? 0) - now()) / unitMs;
    const whole = Math.max(0, Math.floor(left + epsilon));
    return { units, whole, moreMs: whole < units ? Math.ceil((whole + 1 - left) * unitMs) : 0 };
  }

  return {
    check(policy, caller) {
      const found = state(policy, caller);
      if (!found || found.whole > 0) return undefined;
      return { code: 'throttled', policy, perMinute: found.units, retryAfterMs: ms(found.moreMs) };
    },
    count(policy, caller, units) {
      const bucket = buckets.get(policy);
      if (!bucket || units === 0) return;
      const { fullAt } = bucket;
      const full = Math.max(now(), fullAt.get(caller) ?? 0) + (units * windowMs) / bucket.units;
      // The callers are in the order of their last request, so that those whose buckets are full again come first.
      fullAt.delete(caller);
      fullAt.set(caller, full);
      for (const [each, time] of fullAt) {
        if (time > now()) break;
        fullAt.delete(each);
      }
    },
    fields(policy, caller) {
      const found = state(policy, caller);
      const reset = found && found.moreMs > 0 ? `;t=${Math.ceil(found.moreMs / 1000)}` : '';
      return {
        'ratelimit-policy': policies,
        ...(found && { ratelimit: `"${policy}";r=${found.whole}${reset}` }),
      };
    },
  };
}
