import type { Variant } from '../core/catalog.ts';
import { CatalogError } from './catalog-error.ts';
import { type Fetched, fetchObject } from './fetch-object.ts';
import { type Installed, install, modelsOf } from './install.ts';
import { pointerFile } from './last-release.ts';
import { type Channel, keys, Pointer, parseObject } from './manifest.ts';
import { isFull, type ModelCache } from './model-cache.ts';
import type { Objects } from './store/object-store.ts';

/** A family that is published in a store, followed on one channel. */
export type Published = {
  /** What the channel points to now. Throws StoreUnavailable or CatalogError. */
  look(): Promise<Pointer>;
  /** What it pointed to when it last could be served. */
  last(): Pointer | undefined;
  /** Its family could be served: a start may rely on it. */
  keep(pointer: Pointer): Promise<void>;
  /** Have a family's catalog, policies and evaluation here. Until it is released, none of its models is evicted. */
  open(manifest: string): Promise<Installed>;
  release(installed: Installed): Promise<void>;
  /** Have the model of a variant here. */
  fetch(variant: Variant): Promise<Fetched>;
  /** A model turned out to be damaged on the disk: the next use fetches it again. */
  drop(variant: Variant): Promise<void>;
};

/**
 * How long a failed download is not repeated: a missing or corrupt object, or a full disk. An outage is not among them,
 * because the client of S3 has a circuit breaker, which pauses all requests.
 */
const repeatAfterMs = 2000;

/** Follow a family on a channel of a store. */
export function openPublished(objects: Objects, family: string, channel: Channel, cache: ModelCache): Published {
  const place = keys(family);
  const file = pointerFile(cache.folder, objects.url, family, channel);
  const inUse = new Set<Installed>();
  const fetching = new Map<string, Promise<Fetched>>();
  const full = `the disk of ${cache.folder} is full, and nothing there is unused`;
  const failed = new Map<string, { readonly fetched: Fetched; readonly at: number }>();
  let seen: { readonly etag: string; readonly pointer: Pointer } | undefined;

  /** Models of what was served last, which a start falls back to until it can serve what it found. */
  let spare: readonly string[] = [];
  const used = () =>
    new Set([...spare, ...[...inUse].flatMap(({ family }) => family.catalog.variants.map(({ sha256 }) => sha256))]);

  /** Work that writes to the cache: once more, with all gone that nobody uses, where its disk is full. */
  async function withRoom<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (!isFull(error)) throw error;
      await cache.evict(used(), Number.POSITIVE_INFINITY);
      return work();
    }
  }

  async function fetchModel({ sha256, bytes }: Variant): Promise<Fetched> {
    await cache.evict(used(), bytes);
    const entry = { sha256, bytes };
    const remember = (fetched: Fetched) => {
      failed.set(sha256, { fetched, at: performance.now() });
      return fetched;
    };
    try {
      const fetched = await withRoom(() => fetchObject(objects, place.object(sha256), entry, cache));
      failed.delete(sha256);
      return fetched.kind === 'here' || fetched.kind === 'away' ? fetched : remember(fetched);
    } catch (error) {
      if (!isFull(error)) throw error;
      return remember({ kind: 'away', problem: `${full}: ${place.object(sha256)} of ${bytes} bytes was not kept` });
    }
  }

  return {
    async look() {
      const key = place.pointer(channel);
      const found = await objects.read(key, seen?.etag);
      if (found === 'unchanged' && seen) return seen.pointer;
      if (!found || found === 'unchanged')
        throw new CatalogError(
          `${objects.url} has no family ${family} on the channel ${channel}. Publish one: alara catalog publish ${objects.url}; alara catalog promote moves it to live.`,
        );
      const pointer = parseObject(Pointer, found.bytes, `${objects.url}/${key}`);
      seen = { etag: found.etag, pointer };
      return pointer;
    },
    last: file.last,
    async keep(pointer) {
      await withRoom(() => file.keep(pointer));
      spare = [];
      // What an earlier process left may be more than this one is to keep.
      await cache.evict(used());
    },
    async open(manifest) {
      const installed = await withRoom(() => install(objects, family, manifest, cache)).catch((error) => {
        throw isFull(error) ? new CatalogError(`${full}: the family ${manifest} was not kept.`) : error;
      });
      const last = inUse.size === 0 ? file.last() : undefined;
      if (last) spare = await modelsOf(last.manifest, cache);
      inUse.add(installed);
      return installed;
    },
    async release(installed) {
      inUse.delete(installed);
      await cache.evict(used());
    },
    async fetch(variant) {
      const { sha256 } = variant;
      if (!fetching.has(sha256) && (await cache.has(sha256))) return { kind: 'here' };
      const before = failed.get(sha256);
      if (before && performance.now() - before.at < repeatAfterMs) return before.fetched;
      const under = fetching.get(sha256);
      if (under) return under;
      const started = fetchModel(variant).finally(() => fetching.delete(sha256));
      fetching.set(sha256, started);
      return started;
    },
    drop: ({ sha256 }) => cache.drop(sha256),
  };
}
