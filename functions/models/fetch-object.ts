import { StoreUnavailable } from '../platform/store-unavailable.ts';
import type { FileEntry } from './manifest.ts';
import type { ModelCache } from './model-cache.ts';
import type { Objects } from './store/object-store.ts';

/** The result of a download. */
export type Fetched =
  | { readonly kind: 'here' }
  /** The stored bytes do not match their digest. They were not kept. */
  | { readonly kind: 'corrupt'; readonly problem: string }
  /** The store answers and lacks a published object. This fault does not pass by itself. */
  | { readonly kind: 'missing'; readonly problem: string }
  | { readonly kind: 'away'; readonly problem: string };

/** Bytes per request, and requests in parallel: at most 32 MB in memory. */
const partBytes = 8_000_000;
const atOnce = 4;

/** Download an object into the cache unless it is there. Parts are fetched in parallel and hashed as they arrive. */
export async function fetchObject(
  objects: Objects,
  key: string,
  { sha256, bytes }: FileEntry,
  cache: ModelCache,
): Promise<Fetched> {
  if (await cache.has(sha256)) return { kind: 'here' };
  const corrupt = (problem: string): Fetched => ({ kind: 'corrupt', problem: `${key} ${problem}` });
  try {
    const found = await objects.head(key);
    if (!found) return { kind: 'missing', problem: `${objects.url} holds no ${key}` };
    if (found.bytes !== bytes) return corrupt(`has ${found.bytes} bytes, the manifest says ${bytes}`);
    const taken = await cache.take(sha256, async (file) => {
      for await (const part of inParts(objects, key, found)) await file.write(part);
    });
    return taken ? { kind: 'here' } : corrupt('does not have the SHA-256 that it is named by');
  } catch (error) {
    if (error instanceof StoreUnavailable) return { kind: 'away', problem: error.message };
    throw error;
  }
}

/** The parts of one version of an object, in order, with some requested ahead. */
async function* inParts(objects: Objects, key: string, { bytes, etag }: { bytes: number; etag: string }) {
  const ahead: Promise<Uint8Array>[] = [];
  let next = 0;
  const ask = () => {
    const part = objects.range(key, etag, next, Math.min(next + partBytes, bytes));
    // A part that fails while an earlier part is awaited is reported in its turn.
    part.catch(() => undefined);
    ahead.push(part);
    next += partBytes;
  };
  while (next < bytes && ahead.length < atOnce) ask();
  for (let part = ahead.shift(); part; part = ahead.shift()) {
    yield await part;
    if (next < bytes) ask();
  }
}
