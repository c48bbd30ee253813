import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Variant } from '../core/catalog.ts';
import { publish } from '../platform/atomic-file.ts';
import { sha256Sync } from '../platform/digest.ts';
import { CatalogError } from './catalog-error.ts';
import { type Fetched, fetchObject } from './fetch-object.ts';
import { type Installed, install, modelsOf } from './install.ts';
import { type Channel, encode, keys, Pointer, parseObject } from './manifest.ts';
import { isFull, type ModelCache } from './model-cache.ts';
import type { Objects } from './store/object-store.ts';

/** A family that is published in a store, followed on one channel. */
export type Published = {
  /** The current pointer of the channel. Throws StoreUnavailable or CatalogError. */
  look(): Promise<Pointer>;
  /** The last pointer whose family was served. */
  last(): Pointer | undefined;
  /** Keep a pointer whose family is served, for a start without the store. */
  keep(pointer: Pointer): Promise<void>;
  /** Install the catalog, policies and evaluation of a family. Its models are not evicted until it is released. */
  open(manifest: string): Promise<Installed>;
  release(installed: Installed): Promise<void>;
  /** Download the model of a variant. */
  fetch(variant: Variant): Promise<Fetched>;
  /** Remove a damaged model from the disk. The next use downloads it again. */
  drop(variant: Variant): Promise<void>;
};

/**
 * The pause after a failed download: a missing or corrupt object, or a full disk. It does not apply to an outage, because the client of
 * S3 has a circuit breaker, which pauses all requests.
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

  /** Models of the family that was served last. A start falls back to it until the new family can be served. */
  let spare: readonly string[] = [];
  const used = () =>
    new Set([...spare, ...[...inUse].flatMap(({ family }) => family.catalog.variants.map(({ sha256 }) => sha256))]);

  /** Run work that writes to the cache. If the disk is full, evict everything unused and try once more. */
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
      // An earlier process may have kept more than the bound of this process.
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

/** The last pointer whose family was served. It is kept on disk, so that a start does not need the store. */
function pointerFile(cacheFolder: string, url: string, family: string, channel: Channel) {
  const folder = join(cacheFolder, 'pointers');
  const path = join(folder, `${sha256Sync(`${url} ${family} ${channel}`)}.json`);
  return {
    /** Undefined also if the file cannot be used; then the store decides. */
    last(): Pointer | undefined {
      try {
        return Pointer.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        return undefined;
      }
    },
    async keep(pointer: Pointer): Promise<void> {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const part = join(folder, `${randomUUID()}.part`);
      await writeFile(part, encode(pointer), { flush: true, mode: 0o600 });
      publish(part, path);
    },
  };
}
