import { readConfig } from '../platform/config.ts';
import { openPlatform, placeOf } from '../storage/open-storage.ts';
import type { Platform } from '../storage/platform.ts';

/** Run work on the configured store. A server may use the store at the same time. */
export async function withPlatform<Value>(work: (platform: Platform, place: string) => Promise<Value>): Promise<Value> {
  const config = readConfig(process.env);
  const platform = await openPlatform(config);
  try {
    return await work(platform, placeOf(config));
  } finally {
    await platform.close();
  }
}
