import { setTimeout as delay } from 'node:timers/promises';
import type { Variant } from '../core/catalog.ts';
import type { Fault } from '../core/fault.ts';
import { fail, ok, type Result } from '../core/result.ts';
import { ms } from '../core/units.ts';
import type { Published } from '../models/release-client.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import type { RequestPlan } from '../routing/plan-request.ts';
import { type Router, usualVariants } from './router.ts';

/** When a caller may ask again for a variant that cannot be downloaded. */
const retryAfterMs = ms(5000);

/** Write a `model_corrupt` fault to the log. Alarms count these lines by their event. */
export function logCorruptModel(log: Logger, fault: Fault): void {
  if (fault.code === 'model_corrupt')
    log.error({ event: 'model_corrupt', variant: fault.variant, problem: fault.problem }, 'a model was refused');
}

/** Download the model of a variant. A model whose bytes do not match its digest is refused. */
export async function download(published: Published, variant: Variant, log: Logger): Promise<Result<null, Fault>> {
  const fetched = await published.fetch(variant).catch(unwritable);
  switch (fetched.kind) {
    case 'here':
      return ok(null);
    case 'corrupt':
      return fail({ code: 'model_corrupt', variant: variant.id, problem: fetched.problem });
    case 'missing':
      logCorruptModel(log, { code: 'model_corrupt', variant: variant.id, problem: fetched.problem });
      return fail({ code: 'model_unavailable', variant: variant.id, retryAfterMs });
    case 'unwritable':
      log.error({ event: 'model_cache_unwritable', variant: variant.id, problem: fetched.problem });
      return fail({ code: 'model_unavailable', variant: variant.id, retryAfterMs });
    case 'away':
      // Only the operator may see the address of the store.
      log.warn({ event: 'model_unavailable', variant: variant.id, problem: fetched.problem });
      return fail({ code: 'model_unavailable', variant: variant.id, retryAfterMs });
  }
}

/** Errors of a disk that is full, read-only or owned by another user. */
const diskErrors = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'];

function unwritable(error: NodeJS.ErrnoException) {
  if (!diskErrors.includes(error.code ?? '')) throw error;
  return { kind: 'unwritable', problem: `the cache of models cannot be used: ${error.message}` } as const;
}

/** Download the usual variants that a thread lacks, and log a corrupt one. Never throws. */
export const redownload = (router: Router, published: Published, log: Logger) => async (fault: Fault) => {
  logCorruptModel(log, fault);
  try {
    if (fault.code === 'model_corrupt') await dropCorrupt(router, published, fault.variant);
    await Promise.all(usualVariants(router).map((variant) => download(published, variant, log)));
  } catch (error) {
    log.error({ event: 'models_not_regained', err: error });
  }
};

/** Remove a corrupt model from the cache. The next use downloads it again. */
export async function dropCorrupt({ family }: Router, published: Published, id: string): Promise<void> {
  const corrupt = family.catalog.variants.find((variant) => variant.id === id);
  if (corrupt) await published.drop(corrupt);
}

/**
 * Download the models of a plan before its film is queued. A film that waits for a model is in memory, like a film that waits for a
 * thread, so at most `queue` films wait here.
 */
export function modelDownloads(
  router: Router,
  published: Published,
  { deadlineMs, queue }: Pick<Config, 'deadlineMs' | 'queue'>,
  log: Logger,
) {
  let waiting = 0;
  const usual = new Set(usualVariants(router));

  /** Wait for a model within the deadline of the caller. The download itself goes on for the next caller. */
  async function inTime(variant: Variant): Promise<Result<null, Fault>> {
    const timer = new AbortController();
    const late = delay(deadlineMs, undefined, { signal: timer.signal }).then(
      () => fail<Fault>({ code: 'model_unavailable', variant: variant.id, retryAfterMs }),
      () => fail<Fault>({ code: 'client_gone' }),
    );
    try {
      return await Promise.race([download(published, variant, log), late]);
    } finally {
      timer.abort();
    }
  }

  return async ({ plan }: RequestPlan, warm: boolean): Promise<Result<null, Fault>> => {
    if (waiting > queue) return fail({ code: 'queue_full', retryAfterMs });
    const ids = new Set(plan.variants.map(({ id }) => id));
    // The usual variants of a warm engine are in the memory of every thread: neither disk nor store can delay them.
    const missing = router.family.catalog.variants.filter(
      (variant) => ids.has(variant.id) && !(warm && usual.has(variant)),
    );
    if (missing.length === 0) return ok(null);
    waiting++;
    const downloaded = await Promise.all(missing.map(inTime)).finally(() => waiting--);
    return downloaded.find((result) => !result.ok) ?? ok(null);
  };
}
