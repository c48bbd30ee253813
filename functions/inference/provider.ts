import { accessSync, constants } from 'node:fs';
import { messageOf } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import { inPlainWords } from '../core/plain-words.ts';
import { CatalogError } from '../models/catalog-error.ts';
import type { Pointer } from '../models/manifest.ts';
import { type ModelCache, openModelCache } from '../models/model-cache.ts';
import { openPublished, type Published } from '../models/release-client.ts';
import { CorruptObject } from '../models/release-reader.ts';
import { isStore, openObjects } from '../models/store/open-store.ts';
import { type Config, ConfigError } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { StoreUnavailable } from '../platform/store-unavailable.ts';
import { download, dropCorrupt, logCorruptModel, modelDownloads, redownload } from './download-on-demand.ts';
import type { Engine } from './pool.ts';
import { logCostProblems, openEngine, openRouter, type Router, routerOf, usualVariants } from './router.ts';

/** A family and the engine that reads with it. One request uses one of these from its beginning to its end. */
export type Serving = {
  /** Its name in the log: the digest of its manifest or of its catalog. */
  readonly name: string;
  readonly router: Router;
  readonly engine: Engine;
};

/** The source of families. */
export type Source = {
  first(): Promise<Serving>;
  /** The next family, warm, if the pointer of the channel has moved to one that can be served. Throws if the store does not answer. */
  readonly next?: (current: Serving) => Promise<Serving | undefined>;
};

/** Open the configured source. Throws ConfigError or CatalogError. */
export async function openSource(config: Config, log: Logger): Promise<Source> {
  if (!isStore(config.models)) return folderSource(config, log);
  const objects = await openObjects(config.models, 'serve');
  const cache = openCache(config);
  return publishedSource(openPublished(objects, config.family, config.channel, cache), config, log);
}

/** Throws ConfigError for a folder that this process cannot write to. */
function openCache({ modelCache, modelCacheBytes }: Config): ModelCache {
  try {
    const cache = openModelCache(modelCache, modelCacheBytes);
    for (const folder of [cache.folder, cache.objects]) accessSync(folder, constants.W_OK);
    return cache;
  } catch (error) {
    throw new ConfigError(
      `ALARA_MODEL_CACHE=${modelCache}: models cannot be kept there (${inPlainWords(error)}). Name a folder that this user may write to.`,
    );
  }
}

function folderSource(config: Config, log: Logger): Source {
  const router = openRouter(config);
  logCostProblems(router, log);
  return {
    async first() {
      // Only the operator can restore the files of a folder.
      const report = async (fault: Fault) => logCorruptModel(log, fault);
      const engine = openEngine(router, config, { log, downloadAgain: report, faulted: report });
      return { name: router.family.digest, router, engine };
    },
  };
}

/** The families that a channel of a store names. */
export function publishedSource(published: Published, config: Config, log: Logger): Source {
  let kept: string | undefined;
  let keeping: Promise<void> | undefined;
  let refused: { readonly manifest: string; readonly until: number; readonly waitMs: number } | undefined;

  /** Remember a family that can be served, so that a start does not need the store. */
  async function keep(pointer: Pointer): Promise<void> {
    if (kept === pointer.manifest) return;
    kept = pointer.manifest;
    keeping = published.keep(pointer).catch((error: unknown) => {
      kept = undefined;
      log.warn(
        { event: 'pointer_not_kept', problem: messageOf(error) },
        'a start without the store would serve another family',
      );
    });
    await keeping;
  }

  /** `strict`: every usual variant must be downloaded and verified. Used if another family can be served instead. */
  async function open(pointer: Pointer, strict: boolean): Promise<Serving> {
    const installed = await published.open(pointer.manifest);
    try {
      const router = routerOf(installed.family, config);
      logCostProblems(router, log);
      await Promise.all(
        usualVariants(router).map(async (variant) => {
          const obtained = await download(published, variant, log);
          if (obtained.ok) return;
          logCorruptModel(log, obtained.fault);
          // Without another family, a model that is missing now may be downloaded with the first request.
          if (strict) throw unusable(obtained.fault);
        }),
      );
      const engine = openEngine(router, config, {
        log,
        ensureModels: modelDownloads(router, published, config, log),
        downloadAgain: redownload(router, published, log),
        async faulted(fault) {
          logCorruptModel(log, fault);
          if (fault.code === 'model_corrupt') await dropCorrupt(router, published, fault.variant);
        },
      });
      const close = async () => {
        await engine.close();
        await keeping;
        await published.release(installed);
      };
      return { name: pointer.manifest, router, engine: { ...engine, close } };
    } catch (error) {
      await published.release(installed);
      throw error;
    }
  }

  /** Open the family of a pointer and warm it up. Throws if the family cannot be served. */
  async function openWarm(pointer: Pointer): Promise<Serving> {
    const serving = await open(pointer, true);
    const warmed = await serving.engine.ready;
    if (warmed.ok) return serving;
    await serving.engine.close();
    throw unusable(warmed.fault);
  }

  return {
    async first() {
      const last = published.last();
      const wanted = await published.look().catch((error: unknown) => {
        if (!last) throw error;
        log.warn(
          { event: 'pointer_unreadable', problem: messageOf(error) },
          'starting with the family that was served last',
        );
        return last;
      });
      const other = last && last.manifest !== wanted.manifest ? last : undefined;
      try {
        const serving = await open(wanted, other !== undefined);
        void serving.engine.ready.then(({ ok }) => (ok ? keep(wanted) : undefined));
        return serving;
      } catch (error) {
        tell(log, error, wanted);
        if (!other) throw error;
        return open(other, false);
      }
    },
    async next(current) {
      const wanted = await published.look();
      if (wanted.manifest === current.name) {
        // After a start without the store, the engine has downloaded its usual variants by now.
        if (current.engine.status().warm) await keep(wanted);
        return undefined;
      }
      const again = refused?.manifest === wanted.manifest ? refused : undefined;
      if (again && performance.now() < again.until) return undefined;
      try {
        const serving = await openWarm(wanted);
        await keep(wanted);
        refused = undefined;
        return serving;
      } catch (error) {
        tell(log, error, wanted);
        // The store does not answer: the next poll tries again.
        if (error instanceof StoreUnavailable) return undefined;
        const waitMs = Math.min(2 * (again?.waitMs ?? config.pointerMs), longestMs);
        refused = { manifest: wanted.manifest, until: performance.now() + waitMs, waitMs };
        return undefined;
      }
    },
  };
}

/** The longest backoff before a refused family is tried again. Each try downloads it again. */
const longestMs = 600_000;

/** A family that cannot be served. */
class Unusable extends CatalogError {
  override name = 'Unusable';
}

const unusable = (fault: Fault) =>
  fault.code === 'model_unavailable'
    ? new StoreUnavailable(`the model of ${fault.variant} cannot be fetched`)
    : new Unusable(`${fault.code}${'problem' in fault ? `: ${fault.problem}` : ''}`);

/** Log why a family is not served. A corrupt object is also logged as `model_corrupt`, which raises an alarm. */
function tell(log: Logger, error: unknown, { manifest }: Pointer): void {
  const problem = messageOf(error);
  if (error instanceof StoreUnavailable) {
    log.warn({ event: 'models_away', manifest, problem }, 'a promoted family cannot be downloaded now');
    return;
  }
  if (error instanceof CorruptObject) logCorruptModel(log, { code: 'model_corrupt', variant: 'catalog', problem });
  log.error({ event: 'models_refused', manifest, problem }, 'a promoted family cannot be served');
}
