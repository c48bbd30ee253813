import { readConfig } from '../platform/config.ts';
import { openPlatform, placeOf } from '../storage/open-storage.ts';
import type { Platform } from '../storage/platform.ts';

/** Work on the store that the settings name, and where that is. A server may run on it meanwhile. */
export async function withPlatform<Value>(work: (platform: Platform, place: string) => Promise<Value>): Promise<Value> {
  const config = readConfig(process.env);
  const platform = await openPlatform(config);
  try {
    return await work(platform, placeOf(config));
  } finally {
    await platform.close();
  }
}
