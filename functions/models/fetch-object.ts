import { StoreUnavailable } from '../platform/store-unavailable.ts';
import type { FileEntry } from './manifest.ts';
import type { ModelCache } from './model-cache.ts';
import type { Objects } from './store/object-store.ts';

/** What came of fetching an object. */
export type Fetched =
  | { readonly kind: 'here' }
  /** What the store holds is not what its name says; it was not kept. */
  | { readonly kind: 'corrupt'; readonly problem: string }
  /** It answers and does not hold what was published: that does not pass by itself. */
  | { readonly kind: 'missing'; readonly problem: string }
  | { readonly kind: 'away'; readonly problem: string };

/** What one request asks for, and how many run at once: 32 MB in memory at most. */
const partBytes = 8_000_000;
const atOnce = 4;

/** Have an object in the cache: from the store if it is not there, in parts side by side, its digest taken on the way. */
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

/** The parts of one version of an object, in order, some asked for ahead. */
async function* inParts(objects: Objects, key: string, { bytes, etag }: { bytes: number; etag: string }) {
  const ahead: Promise<Uint8Array>[] = [];
  let next = 0;
  const ask = () => {
    const part = objects.range(key, etag, next, Math.min(next + partBytes, bytes));
    // One that fails while an earlier one is awaited is reported when its turn comes.
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
