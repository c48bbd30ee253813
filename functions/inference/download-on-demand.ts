import { setTimeout as delay } from 'node:timers/promises';
import type { Variant } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import type { Published } from '../models/release-client.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import type { ReadRequest } from '../routing/request.ts';
import { route } from '../routing/route.ts';
import { raiseCorrupt } from './alarmed.ts';
import type { Engine } from './pool.ts';
import { type Router, usualVariants } from './router.ts';

/** How soon a caller may ask again for a variant that cannot be fetched. */
const retryAfterMs = ms(5000);

/** Have the model of a variant here, or say why not: nothing is read with a model that is not what its digest says. */
export async function obtain(published: Published, variant: Variant, log: Logger): Promise<Result<null, Fault>> {
  const fetched = await published.fetch(variant).catch(unwritable);
  switch (fetched.kind) {
    case 'here':
      return ok(null);
    case 'corrupt':
      return fail({ code: 'model_corrupt', variant: variant.id, problem: fetched.problem });
    case 'missing':
      raiseCorrupt(log, { code: 'model_corrupt', variant: variant.id, problem: fetched.problem });
      return fail({ code: 'model_unavailable', variant: variant.id, retryAfterMs });
    case 'unwritable':
      log.error({ event: 'model_cache_unwritable', variant: variant.id, problem: fetched.problem });
      return fail({ code: 'model_unavailable', variant: variant.id, retryAfterMs });
    case 'away':
      // The address of the store is the operator's business, not the caller's.
      log.warn({ event: 'model_unavailable', variant: variant.id, problem: fetched.problem });
      return fail({ code: 'model_unavailable', variant: variant.id, retryAfterMs });
  }
}

/** What a disk says that is full, was mounted read-only or belongs to somebody else. */
const disk = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'];

function unwritable(error: NodeJS.ErrnoException) {
  if (!disk.includes(error.code ?? '')) throw error;
  return { kind: 'unwritable', problem: `the cache of models cannot be used: ${error.message}` } as const;
}

/** Have the usual variants here again that a thread lacks, and raise the alarm if one is spoilt. Never throws. */
export const regaining = (router: Router, published: Published, log: Logger) => async (fault: Fault) => {
  raiseCorrupt(log, fault);
  try {
    if (fault.code === 'model_corrupt') await dropSpoilt(router, published, fault.variant);
    await Promise.all(usualVariants(router).map((variant) => obtain(published, variant, log)));
  } catch (error) {
    log.error({ event: 'models_not_regained', err: error });
  }
};

/** The next use fetches it again. */
async function dropSpoilt({ family }: Router, published: Published, id: string): Promise<void> {
  const spoilt = family.catalog.variants.find((variant) => variant.id === id);
  if (spoilt) await published.drop(spoilt);
}

/** An engine whose variants are fetched before the first film that needs them is taken on. */
export function fetching(
  engine: Engine,
  router: Router,
  published: Published,
  { deadlineMs, queue }: Pick<Config, 'deadlineMs' | 'queue'>,
  log: Logger,
): Engine {
  let waiting = 0;
  const usual = new Set<Variant>(usualVariants(router));
  /** In the memory of every thread: nothing on the disk or in the store can hold these up. */
  const isLoaded = (variant: Variant) => usual.has(variant) && engine.status().warm;

  function planned(request: ReadRequest): readonly Variant[] {
    const policy = router.family.policies[request.policy];
    const plan = policy && route(router.family.catalog, policy, router.costs, request);
    // What cannot be planned is refused by the reading itself, in its own words.
    return plan?.ok ? plan.value.runs.map(({ variant }) => variant) : [];
  }

  /** In time for the caller; the download itself goes on, for the next one. */
  async function inTime(variant: Variant): Promise<Result<null, Fault>> {
    const timer = new AbortController();
    const late = delay(deadlineMs, undefined, { signal: timer.signal }).then(
      () => fail<Fault>({ code: 'model_unavailable', variant: variant.id, retryAfterMs }),
      () => fail<Fault>({ code: 'client_gone' }),
    );
    try {
      return await Promise.race([obtain(published, variant, log), late]);
    } finally {
      timer.abort();
    }
  }

  return {
    ...engine,
    async read(film, signal, accepted = performance.now(), tenant = '') {
      // Films that wait for a model are in memory, like those that wait for a worker.
      if (waiting > queue) return fail({ code: 'queue_full', retryAfterMs });
      waiting++;
      const obtained = await Promise.all(
        planned(film.request)
          .filter((variant) => !isLoaded(variant))
          .map(inTime),
      ).finally(() => waiting--);
      const missing = obtained.find((result) => !result.ok);
      if (missing && !missing.ok) return missing;
      const result = await engine.read(film, signal, accepted, tenant);
      if (!result.ok && result.fault.code === 'model_corrupt')
        await dropSpoilt(router, published, result.fault.variant);
      return result;
    },
  };
}
